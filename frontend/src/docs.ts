/** Docs: the HTTP interface to read and to try, by Swagger UI over the gateway's own document. */
import SwaggerUI from "swagger-ui-dist/swagger-ui-es-bundle.js";
import "swagger-ui-dist/swagger-ui.css";

SwaggerUI({
  url: "/openapi.json",
  dom_id: "#docs",
  deepLinking: true,
  displayRequestDuration: true,
  docExpansion: "list",
  // Tokens and secrets stay in memory: a page that is left forgets them.
  persistAuthorization: false,
  // Nothing is asked of anybody else: no badge of a validator on the network.
  validatorUrl: null,
});
