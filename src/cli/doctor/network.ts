import { lookup } from 'node:dns/promises';
import { connect } from 'node:net';
import { type TLSSocket, connect as connectTls } from 'node:tls';
import type { Config } from '../../../config/schema.ts';
import { type Finding, ok, problem, reasonOf, skipped, warning } from './finding.ts';

const waitMilliseconds = 5000;
const day = 86_400_000;

/** Checks whether the names in the configuration resolve. */
export async function checkNames(config: Config): Promise<readonly Finding[]> {
  const urls = [config.publicUrl, ...Object.values(config.mirror.upstreams).map(({ url }) => url)];
  const hosts = [...new Set(urls.flatMap((url) => (url === undefined ? [] : new URL(url).hostname)))];
  const failed = (
    await Promise.all(
      hosts.map((host) =>
        lookup(host).then(
          () => undefined,
          () => host,
        ),
      ),
    )
  ).filter((host) => host !== undefined);
  if (failed.length === 0) return [ok('names', `${hosts.length} host names resolve`)];
  return [
    warning(
      'names',
      `do not resolve: ${failed.join(', ')}`,
      'check the DNS of this machine, or remove upstreams that are not needed',
    ),
  ];
}

/** Checks whether a server listens at `listen`. */
export async function checkPort({ listen: { host, port } }: Config): Promise<readonly Finding[]> {
  const address = ['0.0.0.0', '::'].includes(host) ? 'localhost' : host;
  const socket = connect({ host: address, port });
  try {
    await opened(socket, 'connect');
    return [ok('port', `a server listens at ${address}:${port}`)];
  } catch (error) {
    return [warning('port', `nothing listens at ${address}:${port}: ${reasonOf(error)}`, 'start the server, or check listen')];
  } finally {
    socket.destroy();
  }
}

/** Connects to `publicUrl` as a client does: the chain of certificates, its end, and whether berth answers there. */
export async function checkPublicUrl({ publicUrl }: Config): Promise<readonly Finding[]> {
  const name = 'public URL';
  if (publicUrl === undefined) return [skipped(name, 'publicUrl is not set')];
  const url = new URL(publicUrl);
  const findings = url.protocol === 'https:' ? [await checkCertificate(url)] : [];
  if (findings.some(({ status }) => status === 'problem')) return findings;
  return [...findings, await checkAnswer(url)];
}

async function checkCertificate({ hostname, port }: URL): Promise<Finding> {
  const name = 'certificate';
  const socket = connectTls({
    host: hostname,
    port: port === '' ? 443 : Number(port),
    servername: hostname,
    rejectUnauthorized: false,
  });
  try {
    await opened(socket, 'secureConnect');
    if (!socket.authorized) {
      const advice = 'serve the whole chain of a certificate for this name; clients need the authority (docs/tls.md)';
      return problem(name, `clients refuse it: ${String(socket.authorizationError)}`, advice);
    }
    const end = new Date(socket.getPeerCertificate().valid_to);
    const days = Math.floor((end.getTime() - Date.now()) / day);
    if (days < 14) return warning(name, `it ends in ${days} days`, 'renew it; berth reads a new file by itself');
    return ok(name, `it is valid for ${hostname} until ${end.toISOString().slice(0, 10)}`);
  } catch (error) {
    return problem(name, `no TLS connection to ${hostname}: ${reasonOf(error)}`, 'check the proxy, the port and the firewall');
  } finally {
    socket.destroy();
  }
}

async function checkAnswer(url: URL): Promise<Finding> {
  const name = 'public URL';
  try {
    const answer = await fetch(new URL('/v2/', url), { signal: AbortSignal.timeout(waitMilliseconds), redirect: 'manual' });
    await answer.body?.cancel();
    const challenge = answer.headers.get('www-authenticate') ?? '';
    if (answer.headers.get('docker-distribution-api-version') === null)
      return problem(
        name,
        `${url.origin}/v2/ answers ${answer.status}, and not as a registry`,
        'let the proxy pass every path to berth',
      );
    const realm = /realm="([^"]+)"/.exec(challenge)?.[1];
    if (realm !== undefined && challenge.startsWith('Bearer') && new URL(realm).origin !== url.origin) {
      const advice =
        'set publicUrl on the server, or list the proxy in trustedProxies and let it send X-Forwarded-Proto and Host';
      return problem(name, `clients are sent to ${realm} for tokens`, advice);
    }
    return ok(name, `a registry answers at ${url.origin}`);
  } catch (error) {
    return warning(name, `${url.origin} cannot be reached from here: ${reasonOf(error)}`, 'check the proxy and the firewall');
  }
}

function opened(socket: ReturnType<typeof connect> | TLSSocket, event: 'connect' | 'secureConnect'): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.setTimeout(waitMilliseconds, () => reject(new Error(`no answer within ${waitMilliseconds / 1000} s`)));
    socket.once('error', reject);
    socket.once(event, () => resolve());
  });
}
