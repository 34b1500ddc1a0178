import type { IncomingMessage, ServerResponse } from 'node:http';
import { type ClientChecks, codeIn } from '../../mirror/check/client-checks.ts';
import { OciError } from '../../oci/errors.ts';
import type { PublicUrl } from '../server/public-url.ts';
import { type ResponseHead, endWith, sendHead } from '../server/response-head.ts';
import type { Services } from './request-context.ts';
import type { Match } from './router.ts';

export interface CheckRequest {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly head: ResponseHead;
  readonly name: string;
  /** The upstream before the path, and that of the query. */
  readonly prefix: string | undefined;
  readonly namespace: string | undefined;
  /** A tag or digest. */
  readonly lastSegment: string;
}

type CheckServices = Services & { readonly checks: ClientChecks };

/** True if a client pulls a one-time image. */
export function isCheck(services: Services, { route }: Match, name: string): services is CheckServices {
  return services.checks !== undefined && route.access === 'pull' && codeIn(name) !== undefined;
}

const longestClient = 60;

/** Serves a one-time image: the code is the permission to pull it, and no upstream is asked. */
export async function serveCheck(
  checks: ClientChecks,
  publicUrl: Pick<PublicUrl, 'clientAddress'>,
  { request, response, head, name, prefix, namespace, lastSegment }: CheckRequest,
): Promise<void> {
  const upstream = prefix ?? namespace ?? name.replace(/\/?berth-check\/.*$/, '');
  const use = { client: clientOf(request), address: publicUrl.clientAddress(request), upstream };
  const found = checks.blob(lastSegment) ?? (await checks.manifest(codeIn(name) ?? '', lastSegment, use));
  if (!found) throw new OciError('NAME_UNKNOWN', { message: 'this test has ended: begin another one on the page at /ui/setup' });
  const headers = ['Docker-Content-Digest', found.digest, 'Content-Type', found.mediaType, 'Cache-Control', 'no-store'];
  sendHead(response, head, 200, headers, found.bytes.length);
  endWith(response, request.method === 'HEAD' ? undefined : found.bytes);
}

/** Returns the client's name and version: `docker 28.5.2`. */
function clientOf({ headers }: IncomingMessage): string {
  const [product = ''] = (headers['user-agent'] ?? '').split(' ', 1);
  return product.replace('/', ' ').slice(0, longestClient);
}
