import { type IncomingMessage, type ServerResponse, createServer, request } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';

/**
 * What becomes of a request: 503 SlowDown; 409 ConditionalRequestConflict; no answer at all; the connection cut before
 * anything was done, or after it was done; the answer's body cut off, or standing still, in its middle.
 */
export type Fault = 'slow down' | 'conflict' | 'stall' | 'cut' | 'lose answer' | 'cut body' | 'stall body';

export interface SeenRequest {
  readonly method: string;
  /** With its query. */
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
}

/** A way to an HTTP server on which things go wrong. */
export interface FaultProxy {
  readonly url: string;
  /** Everything that came, in order. */
  readonly seen: readonly SeenRequest[];
  /** Asked for each request; undefined lets it pass. */
  decide: (request: SeenRequest) => Fault | undefined;
  close(): Promise<void>;
}

/** `tls`: PEM texts with which the proxy speaks TLS to clients. */
export async function startFaultProxy(target: string, tls?: { cert: string; key: string }): Promise<FaultProxy> {
  const { hostname, port } = new URL(target);
  const seen: SeenRequest[] = [];
  const server = tls ? createTlsServer(tls, serve) : createServer(serve);

  function serve(incoming: IncomingMessage, outgoing: ServerResponse): void {
    const { method = '', url = '', headers } = incoming;
    const asked = { method, path: url, headers };
    seen.push(asked);
    const fault = proxy.decide(asked);
    incoming.on('error', () => undefined);
    if (fault === 'stall') return;
    if (fault === 'cut') incoming.destroy();
    else if (fault === 'slow down') incoming.resume().on('end', () => refuse(outgoing, 503, 'SlowDown'));
    else if (fault === 'conflict') incoming.resume().on('end', () => refuse(outgoing, 409, 'ConditionalRequestConflict'));
    else forward(incoming, outgoing, fault);
  }

  function forward(incoming: IncomingMessage, outgoing: ServerResponse, fault: Fault | undefined): void {
    const { method, url: path, headers } = incoming;
    const onward = request({ hostname, port, method, path, headers }, (answer) => {
      if (fault === 'lose answer') answer.resume().on('end', () => outgoing.destroy());
      else passOn(answer, outgoing, fault);
    });
    onward.on('error', () => outgoing.destroy());
    outgoing.on('close', () => onward.destroy());
    incoming.pipe(onward);
  }

  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const proxy: FaultProxy = {
    url: `${tls ? 'https' : 'http'}://127.0.0.1:${(server.address() as AddressInfo).port}`,
    seen,
    decide: () => undefined,
    close() {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
  return proxy;
}

function passOn(answer: IncomingMessage, outgoing: ServerResponse, fault: Fault | undefined): void {
  answer.on('error', () => outgoing.destroy());
  outgoing.writeHead(answer.statusCode ?? 500, answer.headers);
  if (fault === undefined) {
    answer.pipe(outgoing);
    return;
  }
  answer.on('end', () => {
    if (fault === 'cut body') outgoing.destroy();
  });
  const half = Number(answer.headers['content-length'] ?? 0) / 2;
  let sent = 0;
  answer.on('data', (chunk: Buffer) => {
    if (sent >= half) return;
    const rest = chunk.subarray(0, half - sent);
    sent += rest.length;
    outgoing.write(rest, () => {
      if (sent >= half && fault === 'cut body') outgoing.destroy();
    });
  });
}

function refuse(response: ServerResponse, status: number, code: string): void {
  const body = `<?xml version="1.0"?><Error><Code>${code}</Code><Message>made to fail</Message></Error>`;
  response.writeHead(status, { 'Content-Type': 'application/xml', 'Content-Length': body.length }).end(body);
}

/** Lets all but each `nth` request pass, and all of them after `most` faults. */
export function eachNth(nth: number, fault: Fault, most = Infinity): () => Fault | undefined {
  let count = 0;
  return () => (++count % nth === 0 && count <= nth * most ? fault : undefined);
}
