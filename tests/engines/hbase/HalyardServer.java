import com.msd.gin.halyard.sail.HBaseSail;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URL;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.Executors;
import org.apache.hadoop.hbase.HBaseConfiguration;
import org.apache.hadoop.hbase.ServerName;
import org.apache.hadoop.hbase.client.ConnectionFactory;
import org.eclipse.rdf4j.model.impl.SimpleValueFactory;
import org.eclipse.rdf4j.query.BooleanQuery;
import org.eclipse.rdf4j.query.GraphQuery;
import org.eclipse.rdf4j.query.MalformedQueryException;
import org.eclipse.rdf4j.query.Query;
import org.eclipse.rdf4j.query.TupleQuery;
import org.eclipse.rdf4j.query.impl.SimpleDataset;
import org.eclipse.rdf4j.query.resultio.sparqljson.SPARQLBooleanJSONWriter;
import org.eclipse.rdf4j.query.resultio.sparqljson.SPARQLResultsJSONWriter;
import org.eclipse.rdf4j.repository.RepositoryConnection;
import org.eclipse.rdf4j.repository.sail.SailRepository;
import org.eclipse.rdf4j.rio.ntriples.NTriplesWriter;

/**
 * The SPARQL protocol on loopback over Halyard's store: {@code HalyardServer PORT}.
 *
 * <p>Halyard's own server is in its module of tools, which is not in Maven's repository. This has what the
 * generic profile asks for: queries and updates by POST of a form, answered in JSON and N-Triples.
 */
public final class HalyardServer {
    private static final String TABLE = "kg";
    private static final int SPLIT_BITS = 4;
    private static final int LIMIT_S = 60;

    private final SailRepository repository;

    private HalyardServer(SailRepository repository) {
        this.repository = repository;
    }

    public static void main(String[] arguments) throws IOException {
        // Where HBase is comes from hbase-site.xml on the class path; the table is made, split, where it is not.
        var sail = new HBaseSail(HBaseConfiguration.create(), TABLE, true, SPLIT_BITS, true, LIMIT_S, (URL) null, null);
        var repository = new SailRepository(sail);
        repository.init();
        var served = new HalyardServer(repository);
        var address = new InetSocketAddress(InetAddress.getLoopbackAddress(), Integer.parseInt(arguments[0]));
        var server = HttpServer.create(address, 0);
        server.createContext("/query", exchange -> served.answer(exchange, served::query));
        server.createContext("/update", exchange -> served.answer(exchange, served::update));
        server.createContext("/regions", exchange -> served.answer(exchange, served::listRegions));
        server.setExecutor(Executors.newFixedThreadPool(16));
        server.start();
    }

    private interface Handler {
        String handle(Map<String, List<String>> form, ByteArrayOutputStream answer);
    }

    private void answer(HttpExchange exchange, Handler handler) throws IOException {
        var body = new ByteArrayOutputStream();
        int status = 200;
        String type = "text/plain; charset=utf-8";
        try {
            type = handler.handle(readForm(exchange), body);
        } catch (MalformedQueryException | IllegalArgumentException error) {
            status = 400;
            body.writeBytes(String.valueOf(error.getMessage()).getBytes(StandardCharsets.UTF_8));
        } catch (RuntimeException error) {
            status = 500;
            body.writeBytes(String.valueOf(error.getMessage()).getBytes(StandardCharsets.UTF_8));
        }
        exchange.getResponseHeaders().set("Content-Type", type);
        exchange.sendResponseHeaders(status, body.size() == 0 ? -1 : body.size());
        body.writeTo(exchange.getResponseBody());
        exchange.close();
    }

    private String query(Map<String, List<String>> form, ByteArrayOutputStream answer) {
        try (RepositoryConnection connection = repository.getConnection()) {
            Query query = connection.prepareQuery(first(form, "query"));
            query.setMaxExecutionTime(LIMIT_S);
            var named = new SimpleDataset();
            var values = SimpleValueFactory.getInstance();
            form.getOrDefault("default-graph-uri", List.of()).forEach(iri -> named.addDefaultGraph(values.createIRI(iri)));
            form.getOrDefault("named-graph-uri", List.of()).forEach(iri -> named.addNamedGraph(values.createIRI(iri)));
            if (!named.getDefaultGraphs().isEmpty() || !named.getNamedGraphs().isEmpty()) {
                query.setDataset(named);
            }
            if (query instanceof TupleQuery) {
                ((TupleQuery) query).evaluate(new SPARQLResultsJSONWriter(answer));
            } else if (query instanceof GraphQuery) {
                ((GraphQuery) query).evaluate(new NTriplesWriter(answer));
                return "application/n-triples";
            } else {
                new SPARQLBooleanJSONWriter(answer).handleBoolean(((BooleanQuery) query).evaluate());
            }
            return "application/sparql-results+json";
        }
    }

    private String update(Map<String, List<String>> form, ByteArrayOutputStream answer) {
        try (RepositoryConnection connection = repository.getConnection()) {
            connection.prepareUpdate(first(form, "update")).execute();
            return "text/plain; charset=utf-8";
        }
    }

    /** One line for each region server: its port, and how many regions of the table it has. */
    private String listRegions(Map<String, List<String>> form, ByteArrayOutputStream answer) {
        var lines = new StringBuilder();
        try (var connection = ConnectionFactory.createConnection(HBaseConfiguration.create());
                var admin = connection.getAdmin()) {
            for (ServerName server : admin.getRegionServers()) {
                long count = admin.getRegions(server).stream()
                    .filter(region -> region.getTable().getNameAsString().equals(TABLE))
                    .count();
                lines.append(server.getPort()).append(' ').append(count).append('\n');
            }
        } catch (IOException error) {
            throw new UncheckedIOException(error);
        }
        answer.writeBytes(lines.toString().getBytes(StandardCharsets.UTF_8));
        return "text/plain; charset=utf-8";
    }

    private static String first(Map<String, List<String>> form, String name) {
        if (!form.containsKey(name)) {
            throw new IllegalArgumentException("there is no parameter " + name);
        }
        return form.get(name).get(0);
    }

    private static Map<String, List<String>> readForm(HttpExchange exchange) throws IOException {
        String body = new String(exchange.getRequestBody().readAllBytes(), StandardCharsets.UTF_8);
        String inAddress = exchange.getRequestURI().getRawQuery();
        var form = new HashMap<String, List<String>>();
        for (String pair : (body + "&" + (inAddress == null ? "" : inAddress)).split("&")) {
            int equals = pair.indexOf('=');
            if (equals > 0) {
                String name = URLDecoder.decode(pair.substring(0, equals), StandardCharsets.UTF_8);
                String value = URLDecoder.decode(pair.substring(equals + 1), StandardCharsets.UTF_8);
                form.computeIfAbsent(name, key -> new ArrayList<>()).add(value);
            }
        }
        return form;
    }
}
