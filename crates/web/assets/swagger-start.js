// Starts Swagger UI on the document of this very host, whatever its public URL is: the page may ask no other.
"use strict";

const here = new URL("/", document.currentScript.src).href.replace(/\/$/, "");

// The Authorize button is for people: it shows the one way in that is theirs, and puts the cursor there.
function peopleOnly(spec) {
  const { signIn } = spec.components.securitySchemes;
  spec.components.securitySchemes = { signIn };
  for (const path of Object.values(spec.paths)) {
    for (const operation of Object.values(path)) {
      if (operation.security) operation.security = operation.security.filter((way) => "signIn" in way);
    }
  }
}

// Aliases come after what they are aliases of; otherwise the document's order stays.
const isAlias = (operation) => Number(operation.getIn(["operation", "operationId"], "").includes("_alias_"));

fetch(here + "/openapi.json")
  .then((reply) => reply.json())
  .then((spec) => {
    peopleOnly(spec);
    spec.servers = [{ url: here }];
    SwaggerUIBundle({
      spec,
      dom_id: "#swagger-ui",
      presets: [SwaggerUIBundle.presets.apis],
      deepLinking: true,
      tryItOutEnabled: true,
      persistAuthorization: false,
      validatorUrl: null,
      queryConfigEnabled: false,
      defaultModelsExpandDepth: 0,
      operationsSorter: (one, other) => isAlias(one) - isAlias(other),
    });
  })
  .catch((error) => {
    document.getElementById("swagger-ui").textContent = "The document cannot be read: " + error;
  });
