// Watches flags through the official OFREP provider for browsers, once told of
// changes and once asking each second, and prints a line of JSON whenever one of
// them says something new. Node has no EventSource, which browsers do.
import { OpenFeature } from '@openfeature/web-sdk';
import { OFREPWebProvider } from '@openfeature/ofrep-web-provider';
import { EventSource } from 'eventsource';

globalThis.EventSource = EventSource;
const { QUORATE_URL, QUORATE_TOKEN, QUORATE_ALSO } = process.env;
process.on('unhandledRejection', () => {});
await OpenFeature.setContext({ targetingKey: 'p1', action: 'start' });
const told = {};
for (const [domain, options] of [['web-ofrep', {}], ['web-ofrep-poll', { changeDetection: 'polling', pollInterval: 1000 }]]) {
  await OpenFeature.setProviderAndWait(domain, new OFREPWebProvider({
    baseUrl: `${QUORATE_URL}/regions/co`,
    headers: [['Authorization', `Bearer ${QUORATE_TOKEN}`]],
    ...options,
  }));
}
const look = () => {
  for (const domain of ['web-ofrep', 'web-ofrep-poll']) {
    const client = OpenFeature.getClient(domain);
    for (const [flag, provider] of [['video_visit', domain], [QUORATE_ALSO, `${domain} also`]]) {
      const d = client.getBooleanDetails(flag, false);
      const text = JSON.stringify({ provider, value: d.value, variant: d.variant ?? '', reason: d.reason, errorCode: d.errorCode ?? '' });
      if (told[provider] !== text) {
        told[provider] = text;
        console.log(text);
      }
    }
  }
  setTimeout(look, 10);
};
look();
