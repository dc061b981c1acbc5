// Asks every case of flagd's evaluator suite through the official flagd
// providers and prints, by provider, what the application is told.
import { readFileSync } from 'node:fs';
import { OpenFeature } from '@openfeature/server-sdk';
import { OpenFeature as Web } from '@openfeature/web-sdk';
import { FlagdProvider } from '@openfeature/flagd-provider';
import { FlagdWebProvider } from '@openfeature/flagd-web-provider';

const [host, port] = process.env.FLAGD_ADDR.split(':');
const { cases } = JSON.parse(readFileSync(process.env.CASES, 'utf8'));
const logger = { error() {}, warn() {}, info() {}, debug() {} };
const ask = {
  boolean: 'getBooleanDetails', string: 'getStringDetails', integer: 'getNumberDetails',
  float: 'getNumberDetails', object: 'getObjectDetails',
};

const answers = {};
for (const resolverType of ['rpc', 'in-process']) {
  await OpenFeature.setProviderAndWait(resolverType, new FlagdProvider({ host, port: Number(port), resolverType }, logger));
  const client = OpenFeature.getClient(resolverType);
  answers[resolverType] = [];
  for (const c of cases) {
    answers[resolverType].push(await client[ask[c.type]](c.flag, c.default, c.context));
  }
}
await Web.setProviderAndWait(new FlagdWebProvider({ host, port: Number(port), tls: false, maxRetries: -1 }, logger));
const page = Web.getClient();
answers.web = [];
for (const c of cases) {
  await Web.setContext(c.context);
  answers.web.push(page[ask[c.type]](c.flag, c.default));
}
console.log(JSON.stringify(answers));
process.exit(0); // the page's stream would hold the process
