import { rename } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from './run.ts';

export interface CertificateFiles {
  readonly certificate: string;
  readonly key: string;
}

/** Writes a self-signed certificate of `commonName` for loopback into the folder, and replaces an existing one. */
export async function writeCertificate(folder: string, commonName: string): Promise<CertificateFiles> {
  const files = { certificate: join(folder, 'certificate.pem'), key: join(folder, 'key.pem') };
  const subject = ['-subj', `/CN=${commonName}`, '-addext', 'subjectAltName=IP:127.0.0.1,DNS:localhost'];
  const kind = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'];
  await run('openssl', [...kind, ...subject, '-keyout', `${files.key}.new`, '-out', `${files.certificate}.new`]);
  await rename(`${files.key}.new`, files.key);
  await rename(`${files.certificate}.new`, files.certificate);
  return files;
}
