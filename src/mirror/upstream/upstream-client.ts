import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { mediaTypes } from '../../oci/media-types.ts';
import { type AddressRule, isPrivate } from './address-guard.ts';
import { createAuthorizer } from './authorizer.ts';
import type { Breaker } from './breaker.ts';
import type { Credential } from './credential.ts';
import type { Credentials } from './credentials.ts';
import type { Tokens } from './tokens.ts';
import { type ProxySettings, type Transport, discard } from './transport.ts';
import type { Upstream } from './upstream.ts';
import { UpstreamError } from './upstream-error.ts';

export interface UpstreamRequest {
  readonly method: 'GET' | 'HEAD';
  /** The repository's name at the upstream. */
  readonly remoteName: string;
  /** Below the repository: `manifests/latest`, `blobs/sha256:…`, `tags/list?n=100`. */
  readonly path: string;
  readonly accept?: string;
  readonly range?: string;
  readonly signal?: AbortSignal | undefined;
}

/** One upstream, spoken to as its operators wish: tokens shared, redirects followed, limits heeded. */
export interface UpstreamClient {
  /** A response of status 200 or 206, its body not yet read. Rejects with `UpstreamError`. */
  request(request: UpstreamRequest): Promise<IncomingMessage>;
}

/** The same upstream, spoken to on behalf of a client. */
export interface PassingClient {
  /** One HEAD with this `Authorization`, or without any: tokens, logins and redirects are left aside. Rejects with `UpstreamError`. */
  headAs(remoteName: string, path: string, authorization: string | undefined): Promise<RawAnswer>;
}

export interface RawAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
}

export interface UpstreamClientOptions {
  readonly upstream: Upstream;
  readonly transport: Transport;
  readonly tokens: Tokens;
  readonly now: () => number;
  /** Manifests and blobs are limited, and fail, apart from each other. */
  readonly breakerFor: (path: string) => Breaker;
  readonly credentials: Credentials;
  readonly proxy: ProxySettings;
  /** Until the last hop's headers, tokens and redirects included: clients wait for no more than 30 seconds. */
  readonly headersSeconds: number;
  /** Is shown the headers of everything that the upstream's registry answers. */
  readonly observe: (headers: IncomingHttpHeaders) => void;
}

/** Some registries do not show a manifest of a type that is not asked for. */
const manifestTypes = Object.values(mediaTypes).join(', ');
const mostRedirects = 5;
const redirectStatuses = new Set([301, 302, 303, 307, 308]);

export function createUpstreamClient(options: UpstreamClientOptions): UpstreamClient & PassingClient {
  const { upstream, transport, now, observe } = options;
  const origin = upstream.url.origin;
  const authorizer = createAuthorizer(options);
  /** What a host may be that the upstream names; known once it has been spoken to. */
  let ruleForOthers: AddressRule = 'public';

  function ruleFor(url: URL): AddressRule {
    return url.origin === origin || upstream.redirects.includes(url.hostname) ? 'any' : ruleForOthers;
  }

  function urlOf({ remoteName, path }: UpstreamRequest): URL {
    return new URL(`${upstream.url.pathname.replace(/\/$/, '')}/v2/${remoteName}/${path}`, upstream.url);
  }

  /** The first response that is no redirect. */
  async function follow(request: UpstreamRequest, credential: Credential | undefined): Promise<IncomingMessage> {
    let url = urlOf(request);
    for (let hop = 0; hop <= mostRedirects; hop++) {
      const response = await authorized(request, url, url.origin === origin ? credential : undefined);
      const { statusCode = 0, headers } = response;
      if (!redirectStatuses.has(statusCode)) return checked(response, url.origin === origin);
      discard(response);
      url = nextUrl(url, headers.location);
    }
    throw new UpstreamError('failed', 'too many redirects');
  }

  /** Asks once without, and once with an answer to the challenge; a token that has ended is replaced. */
  async function authorized(request: UpstreamRequest, url: URL, credential: Credential | undefined): Promise<IncomingMessage> {
    const scope = `repository:${request.remoteName}:pull`;
    const purpose = () => ({ url, scope, credential, rule: ruleForOthers });
    const ask = async (authorization: string | undefined) => {
      const response = await send(request, url, authorization);
      // Before a token server is asked: it may be where the upstream is.
      if (url.origin === origin) learn(response);
      return response;
    };
    const first = await authorizer.header(purpose());
    const response = await ask(first);
    if (response.statusCode !== 401) return response;
    discard(response);
    const second = await authorizer.answer(purpose(), response.headers['www-authenticate'], first);
    if (second === undefined) throw new UpstreamError('denied', 'a login is needed');
    return ask(second);
  }

  function send(request: UpstreamRequest, url: URL, authorization: string | undefined): Promise<IncomingMessage> {
    const headers = {
      'User-Agent': 'berth',
      'Accept-Encoding': 'identity',
      ...(request.accept === undefined ? {} : { Accept: request.accept }),
      ...(request.range === undefined ? {} : { Range: request.range }),
      ...(authorization === undefined ? {} : { Authorization: authorization }),
    };
    const { method, path, signal } = request;
    const isDownload = method === 'GET' && path.startsWith('blobs/');
    return transport.send({ method, url, headers, rule: ruleFor(url), signal, isDownload });
  }

  function learn(response: IncomingMessage): void {
    observe(response.headers);
    const peer = response.socket.remoteAddress;
    const isProxied = options.proxy['HTTP_PROXY'] !== undefined || options.proxy['HTTPS_PROXY'] !== undefined;
    if (peer !== undefined && !isProxied) ruleForOthers = isPrivate(peer) ? 'private' : 'public';
  }

  function checked(response: IncomingMessage, isRegistry: boolean): IncomingMessage {
    const { statusCode = 0, headers } = response;
    if (statusCode === 200 || statusCode === 206) return response;
    discard(response);
    throw toError(statusCode, headers, isRegistry, now());
  }

  /** A login that has become bad must not hide what everybody may read (ghcr.io). */
  async function readable(request: UpstreamRequest, credential: Credential | undefined): Promise<IncomingMessage> {
    try {
      return await follow(request, credential);
    } catch (error) {
      const isRefused = error instanceof UpstreamError && error.code === 'denied';
      if (isRefused && credential) return follow(request, undefined);
      throw error;
    }
  }

  async function headAs(remoteName: string, path: string, authorization: string | undefined): Promise<RawAnswer> {
    const request = { method: 'HEAD', remoteName, path, accept: manifestTypes } as const;
    const response = await options.breakerFor(path).guard(() => send(request, urlOf(request), authorization));
    discard(response);
    return { status: response.statusCode ?? 0, headers: response.headers };
  }

  async function inTime(request: UpstreamRequest): Promise<IncomingMessage> {
    const deadline = new AbortController();
    const timer = setTimeout(
      () => deadline.abort(new UpstreamError('timeout', 'no answer in time')),
      options.headersSeconds * 1000,
    );
    const signal = request.signal ? AbortSignal.any([request.signal, deadline.signal]) : deadline.signal;
    try {
      // A login that cannot be got at is no failure of the upstream, nor of repositories that have another login.
      const credential = await options.credentials(request.remoteName);
      return await options.breakerFor(request.path).guard(() => readable({ ...request, signal }, credential));
    } finally {
      clearTimeout(timer);
    }
  }

  return { request: inTime, headAs };
}

/** Only to HTTPS from HTTPS; `location` may be relative. */
function nextUrl(from: URL, location: string | undefined): URL {
  const url = location === undefined ? null : URL.parse(location, from.href);
  if (!url || !['https:', from.protocol].includes(url.protocol)) throw new UpstreamError('failed', 'a redirect to nowhere');
  url.username = '';
  url.password = '';
  return url;
}

/** A host that was redirected to knows nothing of permissions: its 403 is a link that has expired. */
function toError(status: number, headers: IncomingHttpHeaders, isRegistry: boolean, now: number): UpstreamError {
  if (status === 404) return new UpstreamError('not_found', 'not found');
  if ((status === 401 || status === 403) && isRegistry) return new UpstreamError('denied', `status ${status}`);
  if (status === 429) {
    const retryAfterSeconds = parseRetryAfter(headers['retry-after'], now);
    return new UpstreamError('limited', 'it limits how much may be pulled', { retryAfterSeconds });
  }
  return new UpstreamError(status === 416 ? 'bad_content' : 'failed', `status ${status}`);
}

/** Seconds or a date (RFC 9110, section 10.2.3). */
export function parseRetryAfter(header: string | undefined, now: number): number | undefined {
  if (header === undefined) return undefined;
  const seconds = /^\d{1,6}$/.test(header) ? Number(header) : (Date.parse(header) - now) / 1000;
  return Number.isFinite(seconds) ? Math.max(0, seconds) : undefined;
}
