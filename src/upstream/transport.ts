import type { Agent, AgentOptions, IncomingMessage, OutgoingHttpHeaders, RequestOptions } from 'node:http';
import type { Agent as TlsAgent } from 'node:https';
import { Readable } from 'node:stream';
import type { ConnectionOptions } from 'node:tls';
import { Agent as PlainAgent, request as requestPlain } from '../platform/http.ts';
import { loadHttps } from '../platform/tls.ts';
import { type Tracer, traced } from '../telemetry/tracer.ts';
import { type AddressRule, checkLiteral, guardedLookup } from './address-guard.ts';
import { trustedBy } from './trust.ts';
import { UpstreamError } from './upstream-error.ts';

export interface Timeouts {
  readonly connectSeconds: number;
  /** From the request to its response's headers. */
  readonly headersSeconds: number;
  /** Between two pieces of a body. */
  readonly idleSeconds: number;
}

/** The proxies for the way out: `HTTP_PROXY`, `HTTPS_PROXY`, `NO_PROXY`, as the environment has them. */
export type ProxySettings = Readonly<Record<string, string | undefined>>;

export interface TransportOptions {
  readonly timeouts: Timeouts;
  /** To one host at a time, for downloads and for everything else; further requests wait, and are `busy` at last. */
  readonly connections: number;
  readonly ca: string | undefined;
  readonly proxy: ProxySettings;
  /** Told how long a download has waited for a connection, also where it waited in vain. */
  readonly onWaited?: (milliseconds: number) => void;
  /** Undefined: requests have no spans, and pass no trace on. */
  readonly tracer?: Tracer | undefined;
}

/** Connections for downloads. */
export interface ConnectionState {
  readonly inUse: number;
  /** Downloads that wait for one. */
  readonly waiting: number;
}

/** A body of known length. */
export interface RequestBody {
  /** Bytes. */
  readonly length: number;
  /** Begins to read it. Called again if the request is sent again. */
  open(): AsyncIterable<Uint8Array>;
}

export function bodyOf(bytes: Buffer): RequestBody {
  return {
    length: bytes.length,
    async *open() {
      yield await Promise.resolve(bytes);
    },
  };
}

/** A response, its body not yet read. */
export type UpstreamResponse = IncomingMessage;

export type Method = 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

export interface OutgoingRequest {
  readonly method: Method;
  readonly url: URL;
  readonly headers: OutgoingHttpHeaders;
  readonly rule: AddressRule;
  readonly signal?: AbortSignal | undefined;
  /** True for a blob: blobs have connections of their own, so that short requests never wait for long ones. */
  readonly isDownload?: boolean;
  /** The wait for the response begins when the body is sent. */
  readonly body?: RequestBody | undefined;
}

/** HTTP as it is: no redirects, no authentication. Rejects `unreachable`, `timeout`, `busy`; also with errors of the body. */
export interface Transport {
  /** The response once its headers are there. Its body is destroyed with `timeout` when it rests too long. */
  send(request: OutgoingRequest): Promise<IncomingMessage>;
  state(): ConnectionState;
  /** True if no request is in progress or waits for a connection. */
  isIdle(): boolean;
  close(): void;
}

/** When it may be worthwhile to ask again. */
const busySeconds = 5;

export function createTransport(options: TransportOptions): Transport {
  const { timeouts, connections, ca, proxy, onWaited, tracer } = options;
  const settings = { keepAlive: true, maxSockets: connections, scheduling: 'lifo' as const, proxyEnv: { ...proxy } };
  const [forDownloads, forOthers] = [createAgents(settings), createAgents(settings)];
  const allAgents = () => [...forDownloads.all(), ...forOthers.all()];

  function begin(request: OutgoingRequest) {
    const { url, method, headers, rule, signal, isDownload = false } = request;
    const agents = isDownload ? forDownloads : forOthers;
    const options: RequestOptions = { method, headers, lookup: guardedLookup(rule), ...(signal ? { signal } : {}) };
    if (url.protocol !== 'https:') return requestPlain(url, { ...options, agent: agents.plain() });
    const trusting: RequestOptions & Pick<ConnectionOptions, 'secureContext'> = { ...options, secureContext: trustedBy(ca) };
    return loadHttps().request(url, { ...trusting, agent: agents.tls() });
  }

  function attempt(request: OutgoingRequest): Promise<IncomingMessage> {
    return new Promise((resolve, reject) => {
      const outgoing = begin(request);
      let isAsked = false;
      const begun = performance.now();
      const waitedMilliseconds = () => performance.now() - begun;
      const noteWait = () => request.isDownload && onWaited?.(waitedMilliseconds());
      // A request that waits for a connection says nothing when it is destroyed.
      const end = (error: UpstreamError) => {
        const reason = isAsked || error.code !== 'timeout' ? error : allInUse(connections, waitedMilliseconds());
        reject(reason);
        outgoing.destroy(reason);
      };
      const giveUp = (what: string) => end(new UpstreamError('timeout', what));
      const abort = () => end(toUpstreamError(request.signal?.reason));
      request.signal?.addEventListener('abort', abort, { once: true });
      let connecting: NodeJS.Timeout | undefined;
      let waiting: NodeJS.Timeout | undefined;
      const awaitHeaders = () => (waiting = setTimeout(() => giveUp('no answer in time'), timeouts.headersSeconds * 1000));
      const body = request.body && readOnce(request.body);
      if (body) outgoing.setTimeout(timeouts.idleSeconds * 1000, () => giveUp('the body could not be sent in time'));
      else awaitHeaders();
      outgoing.once('socket', (socket) => {
        isAsked = true;
        noteWait();
        if (!socket.connecting) return;
        connecting = setTimeout(() => giveUp('no connection in time'), timeouts.connectSeconds * 1000);
        socket.once(request.url.protocol === 'https:' ? 'secureConnect' : 'connect', () => clearTimeout(connecting));
      });
      outgoing.once('close', () => {
        // The signal may live on, and with it all that listens to it.
        request.signal?.removeEventListener('abort', abort);
        clearTimeout(connecting);
        clearTimeout(waiting);
        if (!isAsked) noteWait();
      });
      outgoing.once('error', (error) => {
        reject(body?.failure() ?? toUpstreamError(request.signal?.aborted ? request.signal.reason : error));
      });
      outgoing.once('response', (response) => {
        clearTimeout(waiting);
        // A server may refuse a body before it has all of it.
        if (body) response.once('end', () => body.stream.destroy());
        response.setTimeout(timeouts.idleSeconds * 1000, () => {
          // Received bytes are not read yet: the reader pauses, not the upstream.
          if (response.readableLength > 0) response.socket.setTimeout(timeouts.idleSeconds * 1000);
          else response.destroy(new UpstreamError('timeout', 'the body rested too long'));
        });
        resolve(response);
      });
      outgoing.once('response', () => outgoing.on('error', () => undefined)); // from now on the body's reader gets the error
      if (!body) return void outgoing.end();
      outgoing.once('finish', () => {
        if (!outgoing.destroyed) awaitHeaders();
      });
      body.stream.once('error', (error) => outgoing.destroy(error));
      outgoing.once('close', () => body.stream.destroy());
      body.stream.pipe(outgoing);
    });
  }

  async function send(request: OutgoingRequest): Promise<IncomingMessage> {
    try {
      return await attempt(request);
    } catch (error) {
      // A kept connection that the other side had just closed: the request never arrived. A body may have arrived in part.
      if (wasStale(error) && !request.body && !request.signal?.aborted) return attempt(request);
      throw error;
    }
  }

  return {
    async send(request) {
      checkLiteral(request.rule, request.url.hostname);
      return tracer ? sendTraced(tracer, request, send) : send(request);
    },
    state() {
      const agents = forDownloads.all();
      return { inUse: total(agents, ({ sockets }) => sockets), waiting: total(agents, ({ requests }) => requests) };
    },
    isIdle: () => total(allAgents(), ({ sockets }) => sockets) + total(allAgents(), ({ requests }) => requests) === 0,
    close() {
      for (const agent of allAgents()) agent.destroy();
    },
  };
}

/** Agents that are made with the first request that needs them. */
function createAgents(settings: AgentOptions) {
  let plain: Agent | undefined;
  let tls: TlsAgent | undefined;
  return {
    plain: () => (plain ??= new PlainAgent(settings)),
    tls: () => (tls ??= new (loadHttps().Agent)(settings)),
    all: () => [plain, tls].filter((agent) => agent !== undefined),
  };
}

/** Sends the request with the trace that it belongs to, in a span until the headers of its response. */
function sendTraced(tracer: Tracer, request: OutgoingRequest, send: Transport['send']): Promise<IncomingMessage> {
  const { method, url, headers } = request;
  // Links of storage servers have secrets in their query.
  const attributes = {
    'http.request.method': method,
    'server.address': url.hostname,
    'server.port': Number(url.port) || (url.protocol === 'https:' ? 443 : 80),
    'url.scheme': url.protocol.slice(0, -1),
    'url.path': url.pathname,
  };
  return traced(tracer, { name: method, kind: 'client', attributes }, async (span) => {
    const response = await send(span ? { ...request, headers: { ...headers, ...span.headers } } : request);
    span?.set({ 'http.response.status_code': response.statusCode });
    return response;
  });
}

/** Reads the body as a stream that keeps its error: the request reports every error as its own. */
function readOnce(body: RequestBody): { readonly stream: Readable; failure(): Error | undefined } {
  let failure: Error | undefined;
  async function* read(): AsyncGenerator<Uint8Array> {
    try {
      yield* body.open();
    } catch (error) {
      failure = error instanceof Error ? error : new Error(String(error));
      throw error;
    }
  }
  return { stream: Readable.from(read()), failure: () => failure };
}

/** Our own limit, and no fault of the upstream's. */
function allInUse(connections: number, waitedMilliseconds: number): UpstreamError {
  const waited = `${connections} for a host; waited for ${Math.round(waitedMilliseconds / 100) / 10} s`;
  return new UpstreamError('busy', `all connections to it are in use (${waited})`, { retryAfterSeconds: busySeconds });
}

/** How many of these agents have for all hosts together, without those that have been given up. */
function total(agents: readonly Agent[], of: (agent: Agent) => NodeJS.ReadOnlyDict<{ readonly destroyed: boolean }[]>): number {
  return agents.flatMap((agent) => Object.values(of(agent)).flat()).filter((one) => one?.destroyed === false).length;
}

function wasStale(error: unknown): boolean {
  const cause = (error as Error).cause as NodeJS.ErrnoException | undefined;
  return cause?.code === 'ECONNRESET' || cause?.code === 'EPIPE';
}

function toUpstreamError(error: unknown): UpstreamError {
  if (error instanceof UpstreamError) return error;
  const { code } = error as NodeJS.ErrnoException;
  return new UpstreamError('unreachable', `no connection${code === undefined ? '' : ` (${code})`}`, { cause: error });
}

/** Longest time for a body that is read as a whole, in seconds: clients wait for it, and small pieces never let it rest. */
const wholeSeconds = 60;

/**
 * Reads the whole body of at most `limitBytes`. Throws `bad_content` when it is longer, `timeout` when it takes longer than
 * `limitSeconds`, and `failed` when it breaks off.
 */
export async function readWhole(response: IncomingMessage, limitBytes: number, limitSeconds = wholeSeconds): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  const late = () => response.destroy(new UpstreamError('timeout', `the answer took longer than ${limitSeconds} s`));
  const timer = setTimeout(late, limitSeconds * 1000);
  try {
    for await (const chunk of response as AsyncIterable<Buffer>) {
      length += chunk.length;
      if (length > limitBytes) throw new UpstreamError('bad_content', `an answer of more than ${limitBytes} bytes`);
      chunks.push(chunk);
    }
  } catch (error) {
    response.destroy();
    if (error instanceof UpstreamError) throw error;
    throw new UpstreamError('failed', 'the answer broke off', { cause: error });
  } finally {
    clearTimeout(timer);
  }
  return Buffer.concat(chunks, length);
}

/** Releases a response whose body is not needed; after a short body the connection can be used again. */
export function discard(response: IncomingMessage): void {
  const length = Number(response.headers['content-length'] ?? Infinity);
  if (length > 64 * 1024) response.destroy();
  else response.resume();
  response.on('error', () => undefined);
}
