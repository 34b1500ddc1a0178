import type { IncomingMessage, ServerResponse } from 'node:http';
import { OciError } from '../../oci/errors.ts';
import { type RepositoryName, parseRepositoryName } from '../../oci/reference.ts';
import type { Subject } from '../access.ts';
import type { Protocol } from './exchange.ts';
import { type Match, match } from './router.ts';

/** Serves a request below `/v2`: finds its route, parses its name, asks for access, runs the handler. */
export async function serveProtocol(protocol: Protocol, request: IncomingMessage, response: ServerResponse): Promise<void> {
  response.setHeader('Docker-Distribution-API-Version', 'registry/2.0');
  const { method = '', url = '' } = request;
  const queryStart = url.indexOf('?');
  const path = queryStart < 0 ? url : url.slice(0, queryStart);
  const found = match(method, path === '/v2' ? '/v2/' : path);
  if (!found) throw unknownPath(path);
  const repository = found.name === undefined ? ('' as RepositoryName) : requireName(found.name);
  const tail = decode(found.tail);
  const query = new URLSearchParams(queryStart < 0 ? '' : url.slice(queryStart + 1));
  const subject = await authorized(protocol, request, found, repository, query);
  await found.route.handler({ protocol, request, response, query, subject, repository, tail });
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
