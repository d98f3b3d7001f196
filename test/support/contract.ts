import { Validator } from "@seriousme/openapi-schema-validator";
import OpenAPIResponseValidator from "openapi-response-validator";

interface DocumentedResponse {
  readonly description: string;
  readonly content?: Readonly<Record<string, { readonly schema: object }>>;
}

interface Operation {
  readonly responses: Readonly<Record<string, DocumentedResponse>>;
}

interface OpenApi {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: object;
}

/** What a response validator of the package says. */
interface ResponseValidator {
  validateResponse(status: number, body: unknown): { readonly errors: readonly object[] } | undefined;
}

type Send = (path: string, init: RequestInit) => Promise<Response>;

const FORMATS: Readonly<Record<string, (text: string) => boolean>> = {
  uuid: (text) => /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(text),
  "date-time": (text) =>
    /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)$/.test(text) &&
    !Number.isNaN(Date.parse(text)),
};

/** Sends requests to an API and holds its answers against its own description. */
export class Contract {
  readonly document: OpenApi;
  /** `GET /v2/paths/list 200`, of every answer so far. */
  readonly seen = new Set<string>();
  readonly #send: Send;

  private constructor(document: OpenApi, send: Send) {
    this.document = document;
    this.#send = send;
  }

  /** Fetches the description. @throws {Error} if it is no valid OpenAPI document */
  static async fetch(send: Send): Promise<Contract> {
    const text = await (await send("/openapi.json", {})).text();
    const result = await new Validator().validate(JSON.parse(text));
    if (!result.valid) throw new Error(`the description is not valid: ${JSON.stringify(result.errors)}`);
    return new Contract(JSON.parse(text) as OpenApi, send);
  }

  /** Every operation, as `GET /v2/paths/list`. */
  get operations(): string[] {
    return Object.entries(this.document.paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
    );
  }

  /**
   * Sends a request and checks the answer: its status, its type, every field of its body.
   *
   * @param operation as in `operations`
   * @param url in place of the path of the operation
   * @throws {Error} if the answer is not documented
   */
  async call(
    operation: string,
    url: string,
    init: RequestInit = {},
  ): Promise<{ status: number; body: unknown }> {
    const [method = "", path = ""] = operation.split(" ");
    const response = await this.#send(url, { ...init, method });
    const text = await response.text();
    const { status } = response;
    const said = `${method} ${url}: ${status} ${response.headers.get("Content-Type")} ${text.slice(0, 500)}`;
    const documented = this.document.paths[path]?.[method.toLowerCase()]?.responses[status];
    if (documented === undefined) throw new Error(`not documented: ${said}`);
    const body = this.#check(documented, response, text, said);
    this.seen.add(`${operation} ${status}`);
    return { status, body };
  }

  #check(documented: DocumentedResponse, response: Response, text: string, said: string): unknown {
    const { content, description } = documented;
    if (content === undefined) {
      if (text !== "") throw new Error(`a body that is not documented: ${said}`);
      return undefined;
    }
    const type = response.headers.get("Content-Type") ?? "";
    const essence = type.replace(/;.*/, "");
    const media = content[essence];
    if (media === undefined) throw new Error(`a type that is not documented: ${said}`);
    const body = type.startsWith("application/json") ? (JSON.parse(text) as unknown) : text;
    const validator: ResponseValidator = new OpenAPIResponseValidator({
      responses: { [response.status]: { description, content: { [essence]: media } } },
      components: this.document.components,
      customFormats: FORMATS,
    } as unknown as ConstructorParameters<typeof OpenAPIResponseValidator>[0]);
    const problem = validator.validateResponse(response.status, body);
    if (problem !== undefined)
      throw new Error(`not as documented: ${JSON.stringify(problem.errors)} in ${said}`);
    return body;
  }
}
