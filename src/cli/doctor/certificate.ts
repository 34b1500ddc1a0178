import { connect as connectTls } from 'node:tls';
import { opened } from './connection.ts';
import { type Finding, ok, problem, reasonOf, warning } from './finding.ts';

const day = 86_400_000;

/** Connects with TLS and checks the chain of certificates and its end. */
export async function checkCertificate({ hostname, port }: URL): Promise<Finding> {
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
