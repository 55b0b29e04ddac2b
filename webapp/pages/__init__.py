"""What pages show, made from descriptions. Pure: no request, no store, no HTML.

It may import neither Flask nor views; templates only lay out what is made here.
"""
