import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { get } from 'node:http';
import { createServer, request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TLSSocket } from 'node:tls';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { type Certificate, openCertificate } from '../../src/http/server/certificate.ts';
import { type TestBerth, startBerth } from '../support/berth.ts';
import { type CertificateFiles, writeCertificate } from '../support/certificate.ts';
import { digestOf } from '../support/images.ts';
import { describeWith } from '../support/requires.ts';

interface SecureAnswer {
  readonly status: number;
  readonly body: Buffer;
  readonly location: string | undefined;
  readonly strictTransport: string | undefined;
  /** Of the server's certificate. */
  readonly commonName: string;
}

function callSecurely(url: string, method: string, body?: Uint8Array): Promise<SecureAnswer> {
  return new Promise((resolve, reject) => {
    const outgoing = request(url, { method, rejectUnauthorized: false, agent: false }, (incoming) => {
      const chunks: Buffer[] = [];
      if (!(incoming.socket instanceof TLSSocket)) throw new Error('the connection is not encrypted');
      const commonName = String(incoming.socket.getPeerCertificate().subject.CN);
      incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
      incoming.on('error', reject);
      incoming.on('end', () => {
        const { statusCode: status = 0, headers } = incoming;
        const strictTransport = headers['strict-transport-security'];
        resolve({ status, body: Buffer.concat(chunks), location: headers.location, strictTransport, commonName });
      });
    });
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}

function callPlainly(url: string): Promise<{ readonly status: number | undefined; readonly text: string }> {
  return new Promise((resolve, reject) => {
    const outgoing = get(url, { agent: false }, (incoming) => {
      let text = '';
      incoming.on('data', (chunk: Buffer) => (text += String(chunk)));
      incoming.on('error', reject);
      incoming.on('end', () => resolve({ status: incoming.statusCode, text }));
    });
    outgoing.on('error', reject);
  });
}

describeWith(['openssl'], 'TLS', () => {
  let folder: string;
  let files: CertificateFiles;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'berth-tls-'));
    files = await writeCertificate(folder, 'first');
  });
  afterEach(() => rm(folder, { recursive: true }));

  describe('a registry', () => {
    let berth: TestBerth;
    let identity: string;
    beforeAll(async () => {
      identity = await mkdtemp(join(tmpdir(), 'berth-tls-'));
      const { certificate, key } = await writeCertificate(identity, 'registry');
      const tls = { BERTH_TLS_CERTIFICATE: certificate, BERTH_TLS_KEY: key };
      berth = await startBerth({ ...tls, BERTH_LOCATIONS: 'absolute' });
    });
    afterAll(async () => {
      await berth.close();
      await rm(identity, { recursive: true });
    });

    test('sends and receives blobs larger than its buffers', async () => {
      const blob = randomBytes(3_000_001);
      const uploads = `${berth.url}/v2/app/blobs/uploads/?digest=${digestOf(blob)}`;
      const pushed = await callSecurely(uploads, 'POST', blob);
      expect(pushed).toMatchObject({ status: 201, location: `${berth.url}/v2/app/blobs/${digestOf(blob)}` });
      expect(berth.url).toMatch(/^https:/);
      expect((await callSecurely(pushed.location ?? '', 'GET')).body.equals(blob)).toBe(true);
    });

    test('sends Strict-Transport-Security', async () => {
      expect((await callSecurely(`${berth.url}/healthz`, 'GET')).strictTransport).toBe('max-age=31536000');
    });

    test('answers a plain HTTP request with the reason', async () => {
      const answer = await callPlainly(`${berth.url.replace('https:', 'http:')}/v2/`);
      expect(answer).toEqual({ status: 400, text: expect.stringContaining('to an HTTPS port') });
      expect((await callSecurely(`${berth.url}/v2/`, 'GET')).status).toBe(200);
    });
  });

  describe('a certificate', () => {
    let certificate: Certificate;
    let url: string;
    let close: () => void;
    beforeEach(async () => {
      certificate = await openCertificate(files);
      const server = createServer(certificate.identity, (_request, response) => response.end());
      certificate.attach(server);
      await new Promise<void>((listening) => void server.listen(0, '127.0.0.1', listening));
      url = `https://127.0.0.1:${(server.address() as { port: number }).port}/`;
      close = () => void server.close();
    });
    afterEach(() => close());

    const shown = async () => (await callSecurely(url, 'GET')).commonName;

    test('that has not changed is not read again', async () => {
      expect(await certificate.renew()).toBe(false);
      expect(await shown()).toBe('first');
    });

    test('that was replaced is used for new connections', async () => {
      await writeCertificate(folder, 'second');
      expect(await certificate.renew()).toBe(true);
      expect(await shown()).toBe('second');
      expect(await certificate.renew()).toBe(false);
    });

    test('that was replaced is used only after its key was replaced too', async () => {
      await writeFile(files.key, 'not yet');
      await expect(certificate.renew()).rejects.toThrow();
      expect(await shown()).toBe('first');
      await writeCertificate(folder, 'third');
      expect(await certificate.renew()).toBe(true);
      expect(await shown()).toBe('third');
    });
  });
});
