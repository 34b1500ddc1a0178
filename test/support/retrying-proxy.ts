import { type IncomingMessage, type OutgoingHttpHeaders, type ServerResponse, createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { call } from './call.ts';

/**
 * A load balancer as they are: it asks each server whether it is ready, and turns to another one where a connection is
 * refused, or where one breaks and the method is idempotent.
 */
export interface RetryingProxy {
  readonly url: string;
  /** Failures that clients saw while servers restarted: method, path and reason. */
  readonly failures: readonly string[];
  /** Whether requests go to it. */
  isReady(backend: Backend): boolean;
  close(): Promise<void>;
}

/** Interval of the `/readyz` probes. */
const askMilliseconds = 50;
const idempotent = new Set(['GET', 'HEAD', 'PUT', 'DELETE']);

interface Backend {
  readonly url: string;
}

export async function startRetryingProxy(backends: readonly Backend[]): Promise<RetryingProxy> {
  const ready = new Set<Backend>(backends);
  const failures: string[] = [];
  let turn = 0;

  async function ask(backend: Backend): Promise<void> {
    const status = await call(backend, 'GET', '/readyz').then(
      (answer) => answer.status,
      () => 0,
    );
    if (status === 200) ready.add(backend);
    else ready.delete(backend);
  }
  const asking = setInterval(() => backends.forEach((backend) => void ask(backend)), askMilliseconds);

  async function serve(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = '', url = '', headers } = incoming;
    const chunks: Buffer[] = [];
    for await (const chunk of incoming as AsyncIterable<Buffer>) chunks.push(chunk);
    const candidates = [...ready];
    const inTurn = candidates
      .map((_, index) => candidates[(turn + index) % candidates.length])
      .filter((one) => one !== undefined);
    turn++;
    let why = 'no server is ready';
    for (const backend of inTurn) {
      const failure = await forward(backend, { method, path: url, headers }, Buffer.concat(chunks), response);
      if (response.statusCode >= 500) failures.push(`${method} ${url}: ${response.statusCode}`);
      if (failure === undefined) return;
      why = failure;
      if (failure !== 'ECONNREFUSED' && !idempotent.has(method)) break;
    }
    failures.push(`${method} ${url}: ${why}`);
    response.writeHead(502).end();
  }

  const server = createServer((incoming, response) => void serve(incoming, response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    failures,
    isReady: (backend) => ready.has(backend),
    async close() {
      clearInterval(asking);
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

interface Forwarded {
  readonly method: string;
  readonly path: string;
  readonly headers: OutgoingHttpHeaders;
}

/** Resolves when the client has the answer, or to why there is none. */
function forward({ url }: Backend, asked: Forwarded, body: Buffer, response: ServerResponse): Promise<string | undefined> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve) => {
    const outgoing = request({ hostname, port, ...asked, agent: false }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
      answer.once('end', () => resolve(undefined));
    });
    outgoing.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    outgoing.end(body);
  });
}
