// Watches one flag through the official OFREP provider for servers and prints a
// line of JSON whenever it says something new.
import { OpenFeature } from '@openfeature/server-sdk';
import { OFREPProvider } from '@openfeature/ofrep-provider';

const { QUORATE_URL, QUORATE_TOKEN } = process.env;
await OpenFeature.setProviderAndWait(new OFREPProvider({
  baseUrl: `${QUORATE_URL}/regions/co`,
  headers: [['Authorization', `Bearer ${QUORATE_TOKEN}`]],
}));
const client = OpenFeature.getClient();
let told = '';
const look = async () => {
  const d = await client.getBooleanDetails('video_visit', false, { targetingKey: 'p1' });
  const line = { provider: 'js', value: d.value, variant: d.variant ?? '', reason: d.reason, errorCode: d.errorCode ?? '', metadata: d.flagMetadata };
  const text = JSON.stringify(line);
  if (told !== text) {
    told = text;
    console.log(text);
  }
  setTimeout(look, 10);
};
look();
