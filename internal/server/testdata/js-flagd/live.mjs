// Watches one flag, and with QUORATE_ALSO another, through the official flagd providers and prints a line of
// JSON whenever one of them says something new: a value, or an event.
import { OpenFeature, ProviderEvents } from '@openfeature/server-sdk';
import { OpenFeature as Web, ProviderEvents as WebEvents } from '@openfeature/web-sdk';
import { FlagdProvider } from '@openfeature/flagd-provider';
import { FlagdWebProvider } from '@openfeature/flagd-web-provider';

const [host, port] = process.env.FLAGD_ADDR.split(':');
const logger = { error() {}, warn() {}, info() {}, debug() {} };
const context = { targetingKey: 'p1', action: 'start', patient: { age: 44, location_now: 'US-CO' }, clinician: { licenses: ['US-CO'] } };
const print = (line) => console.log(JSON.stringify(line));
process.on('unhandledRejection', () => {}); // flagd-web leaks them when the server goes

const also = process.env.QUORATE_ALSO;
const watched = {};
const told = {};
const listen = (name, api, events, client) => {
  for (const event of Object.values(events)) {
    client.addHandler(event, (d) => print({ provider: name, event, flags: d?.flagsChanged ?? [] }));
  }
};

for (const resolverType of ['rpc', 'in-process']) {
  const options = { host, port: Number(port), resolverType, selector: 'flagSetId=co', retryBackoffMs: 100, retryBackoffMaxMs: 1000, retryGracePeriod: 2, keepAliveTime: 200 };
  await OpenFeature.setProviderAndWait(resolverType, new FlagdProvider(options, logger));
  const client = OpenFeature.getClient(resolverType);
  listen(resolverType, OpenFeature, ProviderEvents, client);
  watched[resolverType] = () => client.getBooleanDetails('video_visit', false, context);
  if (also) watched[`${resolverType} also`] = () => client.getBooleanDetails(also, false, context);
}
Web.setContext(context);
await Web.setProviderAndWait(new FlagdWebProvider({ host, port: Number(port), tls: false, maxDelay: 500 }, logger));
const page = Web.getClient();
listen('web', Web, WebEvents, page);
watched.web = () => page.getBooleanDetails('video_visit', false);
if (also) watched['web also'] = () => page.getBooleanDetails(also, false);

// Another region than the one that is served without credentials.
await OpenFeature.setProviderAndWait('elsewhere', new FlagdProvider({ host, port: Number(port), selector: 'flagSetId=hi', cache: 'disabled' }, logger));
const elsewhere = await OpenFeature.getClient('elsewhere').getBooleanDetails('video_visit', false, context);
print({ provider: 'elsewhere', value: elsewhere.value, variant: elsewhere.variant ?? '', reason: elsewhere.reason, errorCode: elsewhere.errorCode ?? '' });

const look = async () => {
  for (const [provider, ask] of Object.entries(watched)) {
    const d = await ask();
    const line = { provider, value: d.value, variant: d.variant ?? '', reason: d.reason, errorCode: d.errorCode ?? '', metadata: d.flagMetadata };
    const text = JSON.stringify(line);
    if (told[provider] !== text) {
      told[provider] = text;
      print(line);
    }
  }
  setTimeout(look, 10);
};
look();
