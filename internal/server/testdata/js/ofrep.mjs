// Asks a Quorate server through the official OFREP provider and the official
// server SDK, one OpenFeature domain per region, and prints what they say.
import { OpenFeature } from '@openfeature/server-sdk';
import { OFREPProvider } from '@openfeature/ofrep-provider';

const { QUORATE_URL, QUORATE_TOKEN } = process.env;
const context = {
  targetingKey: 'p1',
  action: 'start',
  patient: { age: 44, location_now: 'US-CO' },
  clinician: { licenses: ['US-CO'] },
};

const answers = {};
for (const region of ['co', 'hi']) {
  await OpenFeature.setProviderAndWait(region, new OFREPProvider({
    baseUrl: `${QUORATE_URL}/regions/${region}`,
    headers: [['Authorization', `Bearer ${QUORATE_TOKEN}`]],
  }));
  const client = OpenFeature.getClient(region);
  // The default is the opposite of what is expected, so that a default served
  // for an error cannot look like an answer.
  answers[region] = {
    visit: await client.getBooleanDetails('video_visit', region === 'hi', context),
    minutes: await client.getNumberDetails('video_visit.max_minutes', -1, context),
    share: await client.getNumberDetails('video_visit.share', -1, context),
    label: await client.getStringDetails('video_visit.label', 'none', context),
    missing: await client.getBooleanDetails('teleport', false, context),
    mismatch: await client.getStringDetails('video_visit', 'none', context),
  };
}
console.log(JSON.stringify(answers));
await OpenFeature.close();
