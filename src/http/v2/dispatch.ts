import type { IncomingMessage, ServerResponse } from 'node:http';
import { OciError } from '../../oci/errors.ts';
import { type RepositoryName, parseRepositoryName } from '../../oci/reference.ts';
import type { Subject } from '../access.ts';
import type { Exchange, Handler, MirrorSource, Protocol } from './exchange.ts';
import { type Match, match } from './router.ts';

/** Serves a request below `/v2`: finds its route, parses its name, asks for access, runs the handler. */
export async function serveProtocol(protocol: Protocol, request: IncomingMessage, response: ServerResponse): Promise<void> {
  response.setHeader('Docker-Distribution-API-Version', 'registry/2.0');
  const { method = '', url = '' } = request;
  const queryStart = url.indexOf('?');
  const path = queryStart < 0 ? url : url.slice(0, queryStart);
  const query = new URLSearchParams(queryStart < 0 ? '' : url.slice(queryStart + 1));
  const { prefix, rest } = splitPrefix(path);
  const found = match(method, rest === '/v2' ? '/v2/' : rest);
  if (!found) throw unknownPath(path);
  const name = found.name === undefined ? ('' as RepositoryName) : requireName(found.name);
  const tail = decode(found.tail);
  const mirrored = await locate(protocol, request, found, { prefix, namespace: query.get('ns') ?? undefined, name });
  const repository = mirrored?.source.repository ?? name;
  const subject = await authorized(protocol, request, found, repository, query);
  if (mirrored) response.setHeader('OCI-Namespace', mirrored.source.upstream.name);
  const exchange = { protocol, request, response, query, subject, repository, mirrored, path, tail };
  const { audit, handler } = found.route;
  await (audit === undefined || !protocol.audit ? handler(exchange) : audited(handler, exchange, audit));
}

async function audited(handler: Handler, exchange: Exchange, action: string): Promise<void> {
  const { protocol, request, subject, repository, tail } = exchange;
  const record = (result: 'done' | 'refused') =>
    protocol.audit?.record({
      actor: subject.name,
      address: protocol.origin.clientAddress(request),
      action,
      target: repository,
      result,
      detail: JSON.stringify({ reference: tail.slice(0, 200) }),
    });
  try {
    await handler(exchange);
    record('done');
  } catch (error) {
    if (error instanceof OciError && error.status === 403) record('refused');
    throw error;
  }
}

/** `/ghcr.io/v2/…`: what stands before `/v2` names an upstream. */
function splitPrefix(path: string): { prefix: string | undefined; rest: string } {
  if (path.startsWith('/v2')) return { prefix: undefined, rest: path };
  const slash = path.indexOf('/', 1);
  return { prefix: path.slice(1, slash), rest: path.slice(slash) };
}

/** Finds whether the repository is an upstream's. Nothing can be pushed there: throws DENIED. */
async function locate(
  { mirror, origin }: Protocol,
  request: IncomingMessage,
  { route, name: hasName }: Match,
  address: { readonly prefix: string | undefined; readonly namespace: string | undefined; readonly name: RepositoryName },
): Promise<MirrorSource | undefined> {
  if (!mirror || hasName === undefined) return undefined;
  const source = await mirror.locate({ ...address, ownHost: () => new URL(origin.base(request)).host });
  if (!source || (route.access !== 'pull' && !source.isNamed)) return undefined;
  if (route.access === 'add') {
    const message = `${source.repository} is mirrored from ${source.upstream.name}: nothing can be pushed into it`;
    throw new OciError('DENIED', { message });
  }
  return { mirror, source };
}

function authorized(
  { access }: Protocol,
  request: IncomingMessage,
  { route }: Match,
  repository: RepositoryName,
  query: URLSearchParams,
): Promise<Subject> {
  if (route.access === 'any') return access.authenticate(request);
  if (route.access === 'list') return access.checkList(request);
  return access.check(request, { action: route.access, repository, from: mountSource(query) });
}

/** The repository that the client would mount a blob from: a token for this request should say it too. */
function mountSource(query: URLSearchParams): string | undefined {
  const from = query.has('mount') ? query.get('from') : null;
  return from === null ? undefined : parseRepositoryName(from);
}

function requireName(text: string): RepositoryName {
  const name = parseRepositoryName(text);
  if (!name) throw new OciError('NAME_INVALID', { detail: { name: text.slice(0, 300) } });
  return name;
}

/** Clients may escape the colon of a digest. */
function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new OciError('DIGEST_INVALID', { message: 'the path is not properly escaped' });
  }
}

function unknownPath(path: string): OciError {
  return new OciError('UNSUPPORTED', {
    status: 404,
    message: 'nothing of the registry protocol lies here',
    detail: { path: path.slice(0, 300) },
  });
}
