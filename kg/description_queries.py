"""The SPARQL texts that descriptions are asked for by, each bounded; what stands in braces is filled in.

They are for stores without look-ups, and for lists that have none.
"""

from __future__ import annotations

PREFIXES = """PREFIX kg: <{base}ontology#>
PREFIX oa: <http://www.w3.org/ns/oa#>
PREFIX owl: <http://www.w3.org/2002/07/owl#>
PREFIX rdfs: <http://www.w3.org/2000/01/rdf-schema#>
PREFIX skos: <http://www.w3.org/2004/02/skos/core#>
"""

# In one query, since each round trip costs more than its part of it: the thing itself; nodes that point at
# it and carry evidence of their own (memberships, participations, claims); its simple relations and those
# of the nodes, as axioms; and what else points at it. Both bounds come without ORDER BY: at 50,000 links
# each takes a few milliseconds so, and over ten seconds sorted. Within a release a store gives the same
# ones each time.
CORE = """CONSTRUCT {{ ?s ?p ?o }} WHERE {{
  {{ VALUES ?s {{ <{iri}> }} ?s ?p ?o }}
  UNION {{
    {{ SELECT DISTINCT ?s WHERE {{ ?s ?link <{iri}> . FILTER(?link NOT IN ({hidden}))
       ?s kg:evidence ?any }} LIMIT {nodes} }}
    ?s ?p ?o }}
  UNION {{ ?s owl:annotatedSource <{iri}> ; ?p ?o }}
  UNION {{
    {{ SELECT DISTINCT ?node WHERE {{ ?node ?link <{iri}> . FILTER(?link NOT IN ({hidden}))
       ?node kg:evidence ?any }} LIMIT {nodes} }}
    ?s owl:annotatedSource ?node ; ?p ?o }}
  UNION {{
    {{ SELECT ?s ?p WHERE {{ ?s ?p <{iri}> . FILTER(?p NOT IN ({hidden})) }} LIMIT {incoming} }}
    BIND(<{iri}> AS ?o) }} }}"""

# The record, what it selects, the sentence that it stands in, and the simple relation that it is about.
# The records stand in each part: before the union, Oxigraph runs the union once for each record (220 records:
# 1.7 s, and 50 ms so).
RECORDS = """CONSTRUCT {{ ?s ?p ?o }} WHERE {{
  {{ VALUES ?s {{ {records} }} ?s ?p ?o }}
  UNION {{ VALUES ?record {{ {records} }} ?record oa:hasTarget ?s . ?s ?p ?o }}
  UNION {{ VALUES ?record {{ {records} }} ?record oa:hasTarget/oa:hasSelector ?s . ?s ?p ?o }}
  UNION {{ VALUES ?record {{ {records} }} ?record kg:sentence ?s . ?s ?p ?o }}
  UNION {{ VALUES ?record {{ {records} }} ?record oa:hasBody ?s . ?s a owl:Axiom ; ?p ?o }} }}"""

TEXT = """CONSTRUCT {{ ?sentence ?p ?o . ?record kg:sentence ?sentence }} WHERE {{
  ?sentence kg:sentenceOf <{iri}> .
  {{ ?sentence ?p ?o }} UNION {{ ?record kg:sentence ?sentence }} }}"""

GRAPHS = """SELECT ?g ?s ?p ?o WHERE {{ VALUES (?s ?p) {{ {pairs} }} GRAPH ?g {{ ?s ?p ?o }} }}"""

BY_RELATION = """SELECT ?s WHERE {{ ?s <{relation}> <{iri}> FILTER(isIRI(?s)) }} LIMIT {limit}"""

ALL_INCOMING = """CONSTRUCT {{ ?thing ?property <{iri}> }} WHERE {{ ?thing ?property <{iri}> }}"""

INSTANCES = """CONSTRUCT {{ ?s a ?kind }} WHERE {{
  VALUES ?kind {{ {kinds} }} ?s a ?kind }} ORDER BY ?s LIMIT {limit}"""

DATES = """PREFIX schema: <https://schema.org/>
CONSTRUCT {{ ?s ?p ?o }} WHERE {{
  {{ SELECT DISTINCT ?s WHERE {{ ?s schema:startDate|schema:datePublished ?o }} LIMIT {limit} }}
  VALUES ?p {{ schema:startDate schema:endDate schema:datePublished kg:dateText }} ?s ?p ?o }}"""

COORDINATES = """PREFIX schema: <https://schema.org/>
CONSTRUCT {{ ?s ?p ?o . ?fact kg:evidence ?record ; ?fp ?fo . ?record ?rp ?ro }} WHERE {{
  {{ SELECT DISTINCT ?s WHERE {{ ?s schema:latitude ?any }} LIMIT {limit} }}
  VALUES ?p {{ schema:latitude schema:longitude }}
  ?s ?p ?o .
  ?fact owl:annotatedSource ?s ; owl:annotatedProperty ?p ; kg:evidence ?record ; ?fp ?fo .
  ?record ?rp ?ro }}"""

EXAMPLES = """PREFIX sh: <http://www.w3.org/ns/shacl#>
CONSTRUCT {{ ?query sh:select ?text ; ?p ?words }} WHERE {{
  ?query a sh:SPARQLSelectExecutable ; sh:select ?text .
  VALUES ?p {{ rdfs:label rdfs:comment }} ?query ?p ?words }}"""

LABELS = """CONSTRUCT {{ ?thing skos:prefLabel ?name . ?thing rdfs:label ?label }} WHERE {{
  {{ VALUES ?thing {{ {things} }} ?thing skos:prefLabel ?name }}
  UNION {{ VALUES ?thing {{ {things} }} ?thing rdfs:label ?label }} }}"""
