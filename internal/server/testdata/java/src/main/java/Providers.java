// Asks a Quorate server through the official Java providers and prints what the
// application sees as one JSON object: provider -> question -> details.
import com.fasterxml.jackson.databind.ObjectMapper;
import com.google.common.collect.ImmutableList;
import com.google.common.collect.ImmutableMap;
import dev.openfeature.contrib.providers.flagd.Config;
import dev.openfeature.contrib.providers.flagd.FlagdOptions;
import dev.openfeature.contrib.providers.flagd.FlagdProvider;
import dev.openfeature.contrib.providers.ofrep.OfrepProvider;
import dev.openfeature.contrib.providers.ofrep.OfrepProviderOptions;
import dev.openfeature.sdk.Client;
import dev.openfeature.sdk.FeatureProvider;
import dev.openfeature.sdk.FlagEvaluationDetails;
import dev.openfeature.sdk.ImmutableContext;
import dev.openfeature.sdk.OpenFeatureAPI;
import java.util.LinkedHashMap;
import java.util.Map;

public class Providers {
  static final String URL = System.getenv("QUORATE_URL");
  static final String TOKEN = System.getenv("QUORATE_TOKEN");
  static final String[] FLAGD = System.getenv("FLAGD_ADDR").split(":");

  static FeatureProvider ofrep(String region) {
    return OfrepProvider.constructProvider(OfrepProviderOptions.builder()
        .baseUrl(URL + "/regions/" + region)
        .headers(ImmutableMap.of("Authorization", ImmutableList.of("Bearer " + TOKEN))).build());
  }

  static FeatureProvider flagd(Config.Resolver resolver) {
    return new FlagdProvider(FlagdOptions.builder().resolverType(resolver)
        .host(FLAGD[0]).port(Integer.parseInt(FLAGD[1])).tls(false).selector("flagSetId=co").deadline(20000).build());
  }

  static Map<String, Object> seen(FlagEvaluationDetails<?> d) {
    Map<String, Object> m = new LinkedHashMap<>();
    m.put("value", d.getValue());
    m.put("variant", d.getVariant() == null ? "" : d.getVariant());
    m.put("reason", d.getReason());
    m.put("errorCode", d.getErrorCode() == null ? "" : d.getErrorCode().name());
    Map<String, Object> metadata = new LinkedHashMap<>();
    for (String key : new String[] {"region", "capability"}) {
      String value = d.getFlagMetadata().getString(key);
      if (value != null) {
        metadata.put(key, value);
      }
    }
    m.put("flagMetadata", metadata);
    return m;
  }

  public static void main(String[] args) throws Exception {
    Map<String, FeatureProvider> providers = new LinkedHashMap<>();
    providers.put("ofrep", ofrep("co"));
    providers.put("elsewhere", ofrep("hi"));
    providers.put("rpc", flagd(Config.Resolver.RPC));
    providers.put("in-process", flagd(Config.Resolver.IN_PROCESS));
    Map<String, Object> answers = new LinkedHashMap<>();
    ImmutableContext who = new ImmutableContext("p1");
    for (Map.Entry<String, FeatureProvider> p : providers.entrySet()) {
      OpenFeatureAPI.getInstance().setProviderAndWait(p.getKey(), p.getValue());
      Client client = OpenFeatureAPI.getInstance().getClient(p.getKey());
      Map<String, Object> a = new LinkedHashMap<>();
      // Each default is one that is never served, so that it cannot look like an answer.
      a.put("visit", seen(client.getBooleanDetails("video_visit", false, who)));
      a.put("minutes", seen(client.getIntegerDetails("video_visit.max_minutes", -1, who)));
      a.put("share", seen(client.getDoubleDetails("video_visit.share", -1.0, who)));
      a.put("label", seen(client.getStringDetails("video_visit.label", "none", who)));
      a.put("missing", seen(client.getBooleanDetails("teleport", false, who)));
      a.put("mismatch", seen(client.getStringDetails("video_visit", "none", who)));
      answers.put(p.getKey(), a);
    }
    System.out.println(new ObjectMapper().writeValueAsString(answers));
    System.out.flush();
    Runtime.getRuntime().halt(0); // threads of the providers must not hold it up
  }
}
