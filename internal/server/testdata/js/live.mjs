// Watches one flag, and with QUORATE_ALSO another, through the official OFREP provider for servers and prints a
// line of JSON whenever it says something new.
import { OpenFeature } from '@openfeature/server-sdk';
import { OFREPProvider } from '@openfeature/ofrep-provider';

const { QUORATE_URL, QUORATE_TOKEN } = process.env;
await OpenFeature.setProviderAndWait(new OFREPProvider({
  baseUrl: `${QUORATE_URL}/regions/co`,
  headers: [['Authorization', `Bearer ${QUORATE_TOKEN}`]],
}));
const client = OpenFeature.getClient();
const told = {};
const watched = { js: 'video_visit' };
if (process.env.QUORATE_ALSO) watched['js also'] = process.env.QUORATE_ALSO;
const look = async () => {
  for (const [provider, flag] of Object.entries(watched)) {
    const d = await client.getBooleanDetails(flag, false, { targetingKey: 'p1' });
    const line = { provider, value: d.value, variant: d.variant ?? '', reason: d.reason, errorCode: d.errorCode ?? '', metadata: d.flagMetadata };
    const text = JSON.stringify(line);
    if (told[provider] !== text) {
      told[provider] = text;
      console.log(text);
    }
  }
  setTimeout(look, 10);
};
look();
