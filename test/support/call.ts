import { type IncomingHttpHeaders, type OutgoingHttpHeaders, request } from 'node:http';
import { connect } from 'node:net';

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  /** The body as JSON. */
  json(): unknown;
  /** The codes of an error body. */
  codes(): readonly string[];
  /** A header that must be there. */
  header(name: string): string;
}

export interface Call {
  readonly headers?: OutgoingHttpHeaders;
  readonly body?: Uint8Array | string;
  /** Sends the body without a Content-Length. */
  readonly chunked?: boolean;
}

/** One request, its path sent as it is written. `Location` headers, relative or absolute, can be used as paths. */
export function call(
  server: { readonly url: string },
  method: string,
  path: string,
  { headers = {}, body, chunked }: Call = {},
): Promise<Answer> {
  const { hostname, port } = new URL(server.url);
  const rawPath = path.startsWith('http') ? path.slice(new URL(path).origin.length) : path;
  const bytes = body === undefined ? undefined : Buffer.from(body);
  const length = bytes && !chunked ? { 'Content-Length': bytes.length } : {};
  return new Promise((resolve, reject) => {
    const outgoing = request(
      { hostname, port, method, path: rawPath, headers: { ...length, ...headers }, agent: false },
      (incoming) => {
        const chunks: Buffer[] = [];
        incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
        incoming.on('error', reject);
        incoming.on('end', () => resolve(toAnswer(incoming.statusCode ?? 0, incoming.headers, Buffer.concat(chunks))));
      },
    );
    outgoing.on('error', reject);
    outgoing.end(bytes);
  });
}

function toAnswer(status: number, headers: IncomingHttpHeaders, body: Buffer): Answer {
  const json = () => JSON.parse(body.toString()) as unknown;
  return {
    status,
    headers,
    body,
    json,
    codes: () => (json() as { errors: { code: string }[] }).errors.map(({ code }) => code),
    header(name) {
      const value = headers[name.toLowerCase()];
      if (typeof value !== 'string') throw new Error(`the answer ${status} has no header ${name}`);
      return value;
    },
  };
}

/** Sends bytes as they are and resolves to everything that came back until the connection ended. */
export function callRaw(server: { readonly host: string; readonly port: number }, bytes: string | Uint8Array): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(server.port, server.host, () => socket.write(bytes));
    let received = '';
    socket.on('data', (chunk) => (received += chunk.toString('latin1')));
    socket.on('error', reject);
    socket.on('close', () => resolve(received));
  });
}
