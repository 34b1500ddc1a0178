import type { Config } from '../../../config/schema.ts';
import { readUpstreams, withScheme } from '../../assembly/registries/upstream-settings.ts';
import { createClients } from '../../upstream/clients.ts';
import { createRateLimits } from '../../upstream/rate-limit.ts';
import type { Upstream } from '../../upstream/upstream.ts';
import { type Finding, ok, problem, reasonOf, skipped, warning } from './finding.ts';

const name = 'upstreams';
/** Docker's own repository for this question: a HEAD of it says what is left and does not count. */
const dockerHubLimit = { remoteName: 'ratelimitpreview/test', path: 'manifests/latest' };

/** Asks each upstream with the configured login, and how much may still be pulled from Docker Hub. */
export async function checkUpstreams(config: Config): Promise<readonly Finding[]> {
  const upstreams = await readUpstreams(config);
  if (upstreams.length === 0) return [skipped(name, 'mirror.upstreams is empty')];
  const limits = createRateLimits(Date.now);
  const refusedLogins = new Set<string>();
  const { timeouts, proxy } = config.mirror;
  const clients = createClients({
    upstreams,
    timeouts: { connectSeconds: timeouts.connect, headersSeconds: timeouts.headers, idleSeconds: timeouts.idle },
    proxy: { HTTP_PROXY: withScheme(proxy.http), HTTPS_PROXY: withScheme(proxy.https), NO_PROXY: proxy.none },
    limits,
    now: Date.now,
    onLogin(upstream, key, isAccepted) {
      if (!isAccepted) refusedLogins.add(`${upstream} ${key}`);
    },
    onWaited: () => undefined,
  });

  async function check(upstream: Upstream): Promise<Finding> {
    const isDockerHub = upstream.url.hostname === 'registry-1.docker.io';
    const question = isDockerHub ? dockerHubLimit : { remoteName: '', path: '', url: new URL('/v2/', upstream.url) };
    try {
      // An upstream that wants a login answers all the same.
      const answer = await clients.get(upstream).request({ method: 'HEAD', ...question, expects: [200, 401, 403, 404, 405] });
      answer.resume();
    } catch (error) {
      return warning(name, `${upstream.name}: ${reasonOf(error)}`, 'check the network, mirror.proxy and the address');
    }
    const refused = [...refusedLogins].find((key) => key.startsWith(`${upstream.name} `));
    if (refused !== undefined)
      return problem(
        name,
        `${upstream.name} refuses the login of ${refused}`,
        'renew the password or token in the configuration',
      );
    const limit = limits.scarcest(upstream.name);
    return ok(name, `${upstream.name} answers${limit ? `; ${limit.remaining} of ${limit.limit} pulls are left` : ''}`);
  }

  try {
    return await Promise.all(upstreams.map(check));
  } finally {
    clients.close();
  }
}
