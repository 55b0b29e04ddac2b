import java.io.File;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.semanticweb.owlapi.apibinding.OWLManager;
import org.semanticweb.owlapi.model.MissingImportHandlingStrategy;
import org.semanticweb.owlapi.model.OWLOntology;
import org.semanticweb.owlapi.model.OWLOntologyLoaderConfiguration;
import org.semanticweb.owlapi.io.FileDocumentSource;
import org.semanticweb.owlapi.profiles.OWL2DLProfile;
import org.semanticweb.owlapi.profiles.OWL2ELProfile;
import org.semanticweb.owlapi.profiles.OWL2QLProfile;
import org.semanticweb.owlapi.profiles.OWL2RLProfile;
import org.semanticweb.owlapi.profiles.OWLProfile;
import org.semanticweb.owlapi.profiles.OWLProfileViolation;

/** Which of the OWL 2 profiles an ontology is in: `ok NAME`, or `NAME: violation` a line each and exit code 1. */
public class Profiles {
    public static void main(String[] args) throws Exception {
        var settings = new OWLOntologyLoaderConfiguration()
            .setMissingImportHandlingStrategy(MissingImportHandlingStrategy.THROW_EXCEPTION);
        OWLOntology ontology = OWLManager.createOWLOntologyManager()
            .loadOntologyFromOntologyDocument(new FileDocumentSource(new File(args[0])), settings);
        // A file that is empty, or that no parser understood, is in every profile.
        System.out.println(ontology.getAxiomCount() + " axioms");

        Map<String, OWLProfile> profiles = new LinkedHashMap<>();
        profiles.put("DL", new OWL2DLProfile());
        profiles.put("RL", new OWL2RLProfile());
        profiles.put("EL", new OWL2ELProfile());
        profiles.put("QL", new OWL2QLProfile());
        boolean failed = false;
        for (var profile : profiles.entrySet()) {
            List<OWLProfileViolation> found = new ArrayList<>(profile.getValue().checkOntology(ontology).getViolations());
            for (OWLProfileViolation violation : found) {
                System.out.println(profile.getKey() + ": " + violation.toString().replaceAll("\\s+", " "));
            }
            if (found.isEmpty()) {
                System.out.println("ok " + profile.getKey());
            }
            failed |= !found.isEmpty();
        }
        System.exit(failed ? 1 : 0);
    }
}
