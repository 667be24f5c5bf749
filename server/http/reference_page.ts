/**
 * The description of the API as a page: made from the same document, with no script and nothing from
 * elsewhere, so that it is there without a network. Pure; `html` escapes whatever is put into it.
 */
import { html, raw } from "hono/html";
import type { Answer, ApiDocument, JsonSchema, Operation, Parameter } from "./openapi.ts";

/** Text that is HTML already. */
type Html = ReturnType<typeof html>;

/** Deeper than any schema there is; one that refers to itself would have no end. */
const DEPTH_MAX = 8;

export interface PageParts {
  document: ApiDocument;
  style: string;
  /** Types of errors, by their name. */
  problems: Readonly<Record<string, { status: number; title: string }>>;
  /** How this server is asked: `http://localhost:8888`. */
  url: string;
}

interface Listed {
  method: string;
  path: string;
  operation: Operation;
}

export async function referencePage(parts: PageParts): Promise<string> {
  const { document, problems } = parts;
  const listed = Object.entries(document.paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, operation]): Listed => ({
      method: method.toUpperCase(),
      path,
      operation,
    }))
  );
  const groups = [...Map.groupBy(listed, ({ operation }) => operation.tags[0] ?? "")]
    .sort(([a], [b]) => a < b ? -1 : 1);
  const page = html`
    <!doctype html>
    <html lang="en">
      <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>The HTTP API · monitor</title>
    ${styleOf(parts.style)}
      </head>
      <body>
        <header>
          <h1>The HTTP API</h1>
          <p class="soft">monitor ${document.info.version} · ${document.info.description}</p>
          <p><a href="/">The page</a> · <a href="/api/v1/openapi.json">OpenAPI 3.1</a></p>
          <nav aria-label="Groups">
    ${groups.map(([tag]) =>
      html`
        <a href="#group-${tag}">${tag}</a>
      `
    )}<a href="#errors">errors</a>
          </nav>
        </header>
        <main>
    ${groups.map(([tag, own]) =>
      html`<section><h2 id="group-${tag}">${tag}</h2>${
        own.map((one) => operationHtml(one, parts.url))
      }</section>`
    )}
    <section><h2 id="errors">errors</h2>
    <p>Under <code>/api/v1</code> an error is <code>application/problem+json</code> (RFC 9457), with one
    of these types; <code>errors</code> has each fault with its field.</p>
    <table><thead><tr><th>type</th><th>status</th><th>what it is</th></tr></thead><tbody>
    ${Object.entries(problems).map(([name, { status, title }]) =>
      html`
        <tr id="${name}">
          <td><code>/api#${name}</code></td>
          <td>${status}</td>
          <td>${title}</td>
        </tr>
      `
    )}
    </tbody></table></section>
        </main>
      </body>
    </html>
  `;
  return String(await page);
}

/** The policy knows it by its hash, so not a letter may be changed. */
function styleOf(style: string): Html {
  if (style.includes("<")) throw new Error("the style must not end its element");
  return raw(`<style>${style}</style>`);
}

function operationHtml({ method, path, operation }: Listed, url: string): Html {
  const { operationId, summary, parameters = [], requestBody, responses } = operation;
  const role = operation["x-role"];
  const body = requestBody?.content["application/json"];
  return html`
    <details id="${operationId}">
      <summary><b>${method}</b><code>${path}</code><span class="about">${summary}</span><span class="role">${role}</span></summary>
      <div>
    <p>${operation.description}</p>
    <h3>Example</h3><pre tabindex="0">${curlOf({ method, path, operation }, url)}</pre>
    ${parameters.length > 0 && html`
      <h3>Parameters</h3>
      <ul>${parameters.map(parameterHtml)}</ul>
    `}
    ${body?.schema && html`<h3>Body</h3>${schemaHtml(body.schema)}`}
    <h3>Answer</h3>
    ${Object.entries(responses).map(([status, answer]) => answerHtml(status, answer))}
    <p class="soft">Errors: ${Object.entries(responses).filter(([, answer]) => "$ref" in answer)
      .map(([status]) => status).join(", ")}</p>
      </div>
    </details>
  `;
}

function parameterHtml({ name, in: place, required, description, schema }: Parameter): Html {
  const { default: assumed } = schema;
  return html`<li><code>${name}</code> <span class="soft">${typeOf(schema)}${
    required ? ", required" : ""
  }${assumed === undefined ? "" : `, ${JSON.stringify(assumed)} unless given`}${
    place === "path" ? ", in the path" : ""
  }</span> ${description ?? ""}</li>`;
}

function answerHtml(status: string, answer: Answer | { $ref: string }): Html | string {
  if (!("content" in answer)) return "";
  return html`${
    Object.entries(answer.content ?? {}).map(([type, { schema }]) =>
      html`<p>${status} <span class="soft">${type}</span></p>${
        schema === undefined ? "" : schemaHtml(schema)
      }`
    )
  }`;
}

function schemaHtml(schema: JsonSchema): Html {
  return html`
    <ul>
      <li><span class="soft">${typeOf(schema)}</span> ${schema.description ?? ""}${fieldsHtml(
        schema,
      )}</li>
    </ul>
  `;
}

/** What is inside of an object, a list or a choice, as far as there is something to say. */
function fieldsHtml(schema: JsonSchema, depth = 0): Html | string {
  if (depth > DEPTH_MAX) return "";
  const { properties, required = [], items } = schema;
  if (properties !== undefined) {
    return html`<ul>${
      Object.entries(properties).map(([name, field]) =>
        html`<li><code>${name}</code> <span class="soft">${typeOf(field)}${
          required.includes(name) ? "" : ", may be missing"
        }</span> ${field.description ?? ""}${fieldsHtml(field, depth + 1)}</li>`
      )
    }</ul>`;
  }
  const inner = [items, ...listOf(schema.anyOf), ...listOf(schema.additionalProperties)];
  return html`${inner.filter((one) => one !== undefined).map((one) => fieldsHtml(one, depth + 1))}`;
}

/** The schemas in a keyword that may have one, several, or something else. */
function listOf(value: unknown): JsonSchema[] {
  // what is an object where a schema can stand is one
  return [value].flat().filter((one) => typeof one === "object" && one !== null) as JsonSchema[];
}

/** `list of text or null`. */
function typeOf(schema: JsonSchema): string {
  const { type, items, anyOf } = schema;
  if (Array.isArray(schema.enum)) return schema.enum.map((one) => JSON.stringify(one)).join(" | ");
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (anyOf !== undefined) return [...new Set(listOf(anyOf).map(typeOf))].join(" | ");
  if (type === "array") return items === undefined ? "array" : `array of ${typeOf(items)}`;
  return [type ?? "anything"].flat().join(" | ");
}

/** How a shell asks for it. */
function curlOf({ method, path, operation }: Listed, url: string): string {
  const body = operation.requestBody?.content["application/json"]?.example;
  const said = method === "GET" || (method === "POST" && body !== undefined) ? "" : ` -X ${method}`;
  const sent = body === undefined
    ? ""
    : ` \\\n  -d '${JSON.stringify(body).replaceAll("'", `'\\''`)}'`;
  const token = operation["x-role"] === "public"
    ? ""
    : ` \\\n  -H "authorization: Bearer $MONITOR_TOKEN"`;
  return `curl -s${said} '${url}${operation["x-example"] ?? path}'${token}${sent}`;
}
