// Listens to a Quorate server through the official OFREP provider for browsers
// and the official web SDK, one OpenFeature domain per region. It prints what an
// application sees as a line of JSON: once when the provider is ready and then
// whenever the provider says that something changed, until its input ends. Node
// has no EventSource, which browsers do.
import { OpenFeature, ProviderEvents } from '@openfeature/web-sdk';
import { OFREPWebProvider } from '@openfeature/ofrep-web-provider';
import { EventSource } from 'eventsource';

globalThis.EventSource = EventSource;
const { QUORATE_URL, QUORATE_TOKEN } = process.env;

function seen(region, event) {
  const client = OpenFeature.getClient(region);
  // Each default is one that is never served, so that it cannot look like an answer.
  console.log(JSON.stringify({
    region,
    event,
    visit: client.getBooleanDetails('video_visit', false),
    minutes: client.getNumberDetails('video_visit.max_minutes', -1),
    share: client.getNumberDetails('video_visit.share', -1),
    label: client.getStringDetails('video_visit.label', 'none'),
    missing: client.getBooleanDetails('teleport', false),
    mismatch: client.getStringDetails('video_visit', 'none'),
  }));
}

await OpenFeature.setContext({
  targetingKey: 'p1',
  action: 'start',
  patient: { age: 44, location_now: 'US-CO' },
  clinician: { licenses: ['US-CO'] },
});
for (const region of ['co', 'hi']) {
  await OpenFeature.setProviderAndWait(region, new OFREPWebProvider({
    baseUrl: `${QUORATE_URL}/regions/${region}`,
    headers: [['Authorization', `Bearer ${QUORATE_TOKEN}`]],
  }));
  for (const event of [ProviderEvents.ConfigurationChanged, ProviderEvents.Stale]) {
    OpenFeature.getClient(region).addHandler(event, () => seen(region, event));
  }
  seen(region, 'ready');
}
process.stdin.resume();
process.stdin.on('end', async () => {
  await OpenFeature.close();
  process.exit(0);
});
