"""The web application: what a release holds, over HTTP. Imports ``kg``, never the reverse."""
