import type { Config } from '../../../config/schema.ts';
import { readUpstreams, withScheme } from '../../assembly/registries/upstream-settings.ts';
import { createClients } from '../../upstream/clients.ts';
import { createRateLimits } from '../../upstream/rate-limit.ts';
import { probeUpstream } from '../../upstream/probe.ts';
import type { Upstream } from '../../upstream/upstream.ts';
import { type Finding, ok, problem, reasonOf, skipped, warning } from './finding.ts';

const name = 'upstreams';

/** Asks each upstream with the configured login, and how much may still be pulled from Docker Hub. */
export async function checkUpstreams(config: Config): Promise<readonly Finding[]> {
  const upstreams = await readUpstreams(config);
  if (upstreams.length === 0) return [skipped(name, 'mirror.upstreams is empty')];
  const limits = createRateLimits(Date.now);
  const refusedLogins = new Set<string>();
  const { timeouts, proxy } = config.mirror;
  const clients = createClients({
    upstreams: { all: upstreams },
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
    try {
      await probeUpstream(clients.get(upstream), upstream);
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
