// Starts ReDoc on the document of this very host, with fonts that the reader's machine has.
"use strict";

const fonts = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif";

Redoc.init(
  new URL("/openapi.json", document.currentScript.src).href,
  {
    hideHostname: false,
    nativeScrollbars: true,
    theme: {
      typography: {
        fontFamily: fonts,
        headings: { fontFamily: fonts },
        code: { fontFamily: "ui-monospace, SFMono-Regular, Menlo, Consolas, monospace" },
      },
    },
  },
  document.getElementById("redoc"),
);
