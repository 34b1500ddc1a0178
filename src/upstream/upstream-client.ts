import type { IncomingHttpHeaders, IncomingMessage, OutgoingHttpHeaders } from 'node:http';
import { mediaTypes } from '../oci/media-types.ts';
import type { AddressRule } from './address-guard.ts';
import { isPrivate } from './private-addresses.ts';
import { createAuthorizer, isBasic } from './authorizer.ts';
import type { Circuits } from './circuits.ts';
import type { Login } from './credential.ts';
import type { Credentials } from './credentials.ts';
import { refusalOf, refusalOfWrite } from './response-error.ts';
import type { Tokens } from './tokens.ts';
import { type Method, type ProxySettings, type RequestBody, type Transport, discard } from './transport.ts';
import { type Upstream, loginKeyOf } from './upstream.ts';
import { UpstreamError } from './upstream-error.ts';

export interface UpstreamRequest {
  /** GET and HEAD follow redirects, and are tried without a refused login. */
  readonly method: Method;
  /** The repository's name at the upstream; '' for a request about the whole registry. */
  readonly remoteName: string;
  /** Below the repository: `manifests/latest`, `blobs/sha256:…`, `tags/list?n=100`. */
  readonly path: string;
  readonly accept?: string;
  readonly range?: string;
  readonly signal?: AbortSignal | undefined;
  /** The address that is used instead of `path`, such as that of an upload. Another host gets no login. */
  readonly url?: URL | undefined;
  /** What the token must permit. Default: to pull from the repository. */
  readonly scope?: string;
  readonly headers?: OutgoingHttpHeaders;
  readonly body?: RequestBody | undefined;
  /** Statuses of success. Default: 200 and 206. */
  readonly expects?: readonly number[];
}

/** Requests to one upstream: tokens are shared, redirects followed, limits respected. */
export interface UpstreamClient {
  /** A response of an expected status, its body not yet read. Rejects with `UpstreamError`. */
  request(request: UpstreamRequest): Promise<IncomingMessage>;
}

/** Requests to the same upstream on behalf of a client. */
export interface PassingClient {
  /** Sends one HEAD with this `Authorization`, or without any; no tokens, logins or redirects. Rejects with `UpstreamError`. */
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
  readonly circuitsFor: (path: string) => Circuits;
  readonly credentials: Credentials;
  readonly proxy: ProxySettings;
  /** Until the last hop's headers, tokens and redirects included: clients wait for no more than 30 seconds. */
  readonly headersSeconds: number;
  /** Called with the headers of every answer of the upstream's registry to a request for the repository. */
  readonly observe: (headers: IncomingHttpHeaders, remoteName: string) => void;
  /** Called with whether the upstream accepts a login. `key`: its place in the configuration. */
  readonly onLogin: (key: string, isAccepted: boolean) => void;
}

/** Some registries hide manifests of types that the request does not accept. */
const manifestTypes = Object.values(mediaTypes).join(', ');
const maxRedirects = 5;
const redirectStatuses = new Set([301, 302, 303, 307, 308]);

export function createUpstreamClient(options: UpstreamClientOptions): UpstreamClient & PassingClient {
  const { upstream, transport, now, observe, credentials, circuitsFor, onLogin } = options;
  const origin = upstream.url.origin;
  const authorizer = createAuthorizer(options);
  /** The rule for addresses of hosts that the upstream names; known after its first answer. */
  let ruleForOthers: AddressRule = 'public';

  function ruleFor(url: URL): AddressRule {
    return url.origin === origin || upstream.redirects.includes(url.hostname) ? 'any' : ruleForOthers;
  }

  function urlOf({ remoteName, path, url }: UpstreamRequest): URL {
    return url ?? addressAt(upstream.url, `${remoteName}/${path}`);
  }

  /** Returns the first response that is no redirect. A link that its host refuses is replaced once by a new one. */
  async function follow(request: UpstreamRequest, login: Login | undefined): Promise<IncomingMessage> {
    let url = urlOf(request);
    let mayRenewLink = true;
    for (let hop = 0; hop <= maxRedirects; hop++) {
      const isRegistry = url.origin === origin;
      try {
        const response = await authorized(request, url, isRegistry ? login : undefined);
        const { statusCode = 0, headers } = response;
        if (isSuccess(statusCode, request)) return response;
        if (!isRead(request)) throw await refusalOfWrite(response, now());
        discard(response);
        if (!redirectStatuses.has(statusCode)) throw refusalOf(response, isRegistry, now());
        url = nextUrl(url, headers.location);
      } catch (error) {
        if (isRegistry || !mayRenewLink || !isLinkRefused(error)) throw error;
        mayRenewLink = false;
        url = urlOf(request);
      }
    }
    throw new UpstreamError('failed', 'too many redirects');
  }

  /** Sends the request, and again with an answer to a challenge; an expired token is replaced. */
  async function authorized(request: UpstreamRequest, url: URL, login: Login | undefined): Promise<IncomingMessage> {
    const { scope = `repository:${request.remoteName}:pull` } = request;
    const purpose = () => ({ url, scope, login, rule: ruleForOthers });
    const ask = async (authorization: string | undefined) => {
      const response = await send(request, url, authorization);
      // Before a token is requested: the token server may be at the upstream's own address.
      if (url.origin === origin) learn(response, request.remoteName);
      if (login && isBasic(authorization)) onLogin(login.key, response.statusCode !== 401);
      return response;
    };
    const first = await authorizer.header(purpose());
    const response = await ask(first);
    if (response.statusCode !== 401) return response;
    discard(response);
    const second = await authorizer.answer(purpose(), response.headers['www-authenticate'], first);
    if (second === undefined) throw isBasic(first) ? loginRefused() : loginNeeded(url.origin === origin);
    const answer = await ask(second);
    if (answer.statusCode !== 401 || !isBasic(second)) return answer;
    discard(answer);
    throw loginRefused();
  }

  function send(request: UpstreamRequest, url: URL, authorization: string | undefined): Promise<IncomingMessage> {
    const { method, path, signal, body } = request;
    const headers = {
      'User-Agent': 'berth',
      'Accept-Encoding': 'identity',
      ...request.headers,
      ...(body === undefined ? {} : { 'Content-Length': body.length }),
      ...(request.accept === undefined ? {} : { Accept: request.accept }),
      ...(request.range === undefined ? {} : { Range: request.range }),
      ...(authorization === undefined ? {} : { Authorization: authorization }),
    };
    const isDownload = path.startsWith('blobs/') && (method === 'GET' || body !== undefined);
    return transport.send({ method, url, headers, rule: ruleFor(url), signal, isDownload, body });
  }

  function learn(response: IncomingMessage, remoteName: string): void {
    observe(response.headers, remoteName);
    const peer = response.socket.remoteAddress;
    const isProxied = options.proxy['HTTP_PROXY'] !== undefined || options.proxy['HTTPS_PROXY'] !== undefined;
    if (peer !== undefined && !isProxied) ruleForOthers = isPrivate(peer) ? 'private' : 'public';
  }

  /** `login`: undefined for none. */
  function attempt(request: UpstreamRequest, login: Login | undefined): Promise<IncomingMessage> {
    const target = { remoteName: request.remoteName, login: login?.key };
    return circuitsFor(request.path).guard(target, () => follow(request, login));
  }

  /**
   * Retries without a refused login, so that public repositories stay readable (ghcr.io); for others the refusal is the
   * error.
   */
  async function elseAnonymously(request: UpstreamRequest, login: Login): Promise<IncomingMessage> {
    try {
      return await attempt(request, login);
    } catch (refused) {
      if (!isRefusal(refused)) throw refused;
      const newer = await loginFor(request.remoteName, login);
      if (newer && !isSameLogin(newer, login)) return elseAnonymously(request, newer);
      return await attempt(request, undefined).catch((error: unknown) => {
        throw refused.code === 'login_refused' && saysNothing(error) ? refused : error;
      });
    }
  }

  /** Returns the login for the repository. Rejects with `UpstreamError` if it cannot be read. */
  async function loginFor(remoteName: string, refused?: Login): Promise<Login | undefined> {
    const credential = await credentials(remoteName, refused?.credential);
    return credential && { key: loginKeyOf(upstream, remoteName) ?? '', credential };
  }

  async function headAs(remoteName: string, path: string, authorization: string | undefined): Promise<RawAnswer> {
    const request = { method: 'HEAD', remoteName, path, accept: manifestTypes } as const;
    const target = { remoteName, login: undefined };
    const response = await circuitsFor(path).guard(target, () => send(request, urlOf(request), authorization));
    discard(response);
    return { status: response.statusCode ?? 0, headers: response.headers };
  }

  async function inTime(request: UpstreamRequest): Promise<IncomingMessage> {
    // The transport limits how long a body rests.
    if (request.body) return attempt(request, await loginFor(request.remoteName));
    const deadline = new AbortController();
    const timer = setTimeout(
      () => deadline.abort(new UpstreamError('timeout', 'no answer in time')),
      options.headersSeconds * 1000,
    );
    const signal = request.signal ? AbortSignal.any([request.signal, deadline.signal]) : deadline.signal;
    try {
      // An unreadable login is no failure of the upstream, nor of repositories with another login.
      const login = await loginFor(request.remoteName);
      const asked = { ...request, signal };
      return await (login && isRead(request) ? elseAnonymously(asked, login) : attempt(asked, login));
    } finally {
      clearTimeout(timer);
    }
  }

  return { request: inTime, headAs };
}

/** Returns the address of a path below `/v2/` of a registry. */
export function addressAt(base: URL, path: string): URL {
  return new URL(`${base.pathname.replace(/\/$/, '')}/v2/${path}`, base);
}

/** Only to HTTPS from HTTPS; `location` may be relative. */
export function nextUrl(from: URL, location: string | undefined): URL {
  const url = location === undefined ? null : URL.parse(location, from.href);
  if (!url || !['https:', from.protocol].includes(url.protocol)) throw new UpstreamError('failed', 'a redirect to nowhere');
  url.username = '';
  url.password = '';
  return url;
}

function isSuccess(status: number, { expects = [200, 206] }: UpstreamRequest): boolean {
  return expects.includes(status);
}

function isRead({ method }: UpstreamRequest): boolean {
  return method === 'GET' || method === 'HEAD';
}

/** True if the host of a link refuses the request. Such a host knows no repositories: it refuses the link itself. */
function isLinkRefused(error: unknown): boolean {
  if (!(error instanceof UpstreamError)) return false;
  const { code, status = 0 } = error;
  return code === 'denied' || (status >= 400 && status < 500 && status !== 416 && status !== 429);
}

/** True if both logins are the same: a source without a newer login returns the old one. */
function isSameLogin({ credential: one }: Login, { credential: other }: Login): boolean {
  return one.username === other.username && one.password === other.password;
}

/** A challenge of the registry means that the repository is hidden; a challenge of another host means only a bad link. */
function loginNeeded(isRegistry: boolean): UpstreamError {
  return new UpstreamError(isRegistry ? 'denied' : 'failed', 'a login is needed', { status: 401 });
}

function loginRefused(): UpstreamError {
  return new UpstreamError('login_refused', "it refuses berth's login", { status: 401 });
}

function isRefusal(error: unknown): error is UpstreamError {
  return error instanceof UpstreamError && (error.code === 'denied' || error.code === 'login_refused');
}

/** True if the error of a request without a login does not show whether the content exists. */
function saysNothing(error: unknown): boolean {
  return error instanceof UpstreamError && (error.code === 'denied' || error.code === 'not_found');
}
