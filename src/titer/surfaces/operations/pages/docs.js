"use strict";

const choice = document.getElementById("document");
const source = document.getElementById("source");
const wanted = new URLSearchParams(location.search).get("document");

for (const option of choice.options) {
  option.selected = option.value === wanted;
}
source.href = choice.value;
choice.addEventListener("change", () => {
  location.search = new URLSearchParams({ document: choice.value }).toString();
});

SwaggerUIBundle({
  url: choice.value,
  dom_id: "#reference",
  deepLinking: true,
  displayOperationId: true,
  displayRequestDuration: true,
  filter: true,
  persistAuthorization: false,
  tryItOutEnabled: true,
  validatorUrl: null,
});
