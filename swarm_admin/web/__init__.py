"""Between the web server and Django: slow clients wait here, where waiting costs no thread."""
