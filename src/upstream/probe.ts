import { discard } from './transport.ts';
import type { Upstream } from './upstream.ts';
import type { UpstreamClient } from './upstream-client.ts';

/** Docker's own repository for this question: a HEAD of it says what is left and does not count. */
const dockerHubLimit = { remoteName: 'ratelimitpreview/test', path: 'manifests/latest' };

/** Statuses of an upstream that works: one that wants a login answers all the same. */
const answers = [200, 401, 403, 404, 405];

/** Sends one small request with the configured login, which counts as no pull. Rejects `UpstreamError` without an answer. */
export async function probeUpstream(client: UpstreamClient, { url }: Pick<Upstream, 'url'>): Promise<void> {
  const isDockerHub = url.hostname === 'registry-1.docker.io';
  const question = isDockerHub ? dockerHubLimit : { remoteName: '', path: '', url: new URL('/v2/', url) };
  discard(await client.request({ method: 'HEAD', ...question, expects: answers }));
}
