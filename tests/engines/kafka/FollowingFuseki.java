import org.apache.jena.fuseki.kafka.FKBatchProcessor;
import org.apache.jena.fuseki.kafka.FMod_FusekiKafka;
import org.apache.jena.fuseki.main.FusekiServer;
import org.apache.jena.fuseki.main.sys.FusekiModules;
import org.apache.jena.fuseki.system.FusekiLogging;

/**
 * Fuseki on loopback with the connector for Kafka: {@code FollowingFuseki PORT CONFIG SMALLEST_BATCH}.
 *
 * <p>Fuseki 5.3 loads no modules from the class path: the list of what {@code --modules=true} would load is
 * empty unless a program fills it.
 *
 * <p>The connector waits ten seconds for more after each poll that gave it fewer than SMALLEST_BATCH events
 * (25 by itself), and again after the next, so that events that trickle in are seen late or never. With 1
 * it applies what has come.
 */
public final class FollowingFuseki {
    public static void main(String[] arguments) {
        FusekiLogging.setLogging();
        FKBatchProcessor.MIN_BATCH_CHECK_THRESHOLD = Integer.parseInt(arguments[2]);
        FusekiServer.create()
            .port(Integer.parseInt(arguments[0]))
            .loopback(true)
            .fusekiModules(FusekiModules.create(new FMod_FusekiKafka()))
            .parseConfigFile(arguments[1])
            .start()
            .join();
    }
}
