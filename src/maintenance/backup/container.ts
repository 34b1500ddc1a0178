import { createCipheriv, createDecipheriv, createHash, randomBytes, scrypt } from 'node:crypto';
import { promisify } from 'node:util';

/**
 * The file of a backup: a header in clear text and a stream in chunks, each of which is authenticated (ADR 31, docs/backup.md).
 *
 *   magic     8 bytes "BERTHBK1"
 *   header    4 bytes length (big endian), JSON
 *   chunk …   4 bytes length of the content (big endian; the highest bit marks the last chunk), content, check
 *
 * Without a passphrase the check is the SHA-256 of the check before, the four bytes and the content; the first one follows the
 * SHA-256 of magic and header. With a passphrase the content is encrypted by AES-256-GCM, the check is its tag, the nonce is the
 * chunk's number with a byte that marks the last one, and the hash of magic and header is authenticated with each chunk.
 * The key is made by scrypt from the passphrase and the header's salt, which is new for each file.
 */

/** The header of a backup, readable without the passphrase. */
export interface BackupHeader {
  readonly format: 1;
  /** When the snapshot of the rows began, in milliseconds since 1970. */
  readonly beganAt: number;
  readonly compression: 'gzip';
  /** Null: the content is not encrypted. */
  readonly encryption: Encryption | null;
}

interface Encryption {
  readonly cipher: 'aes-256-gcm';
  readonly kdf: 'scrypt';
  readonly N: number;
  readonly r: number;
  readonly p: number;
  /** 16 bytes, base64. */
  readonly salt: string;
}

/** The file is not a backup, is damaged, or needs another passphrase. */
export class DamagedBackup extends Error {
  override readonly name = 'DamagedBackup';
  readonly code = 'damaged_backup';
}

export interface OpenBackup {
  readonly header: BackupHeader;
  /** Yields the verified content. Throws `DamagedBackup`. May be called once. */
  content(): AsyncIterable<Buffer>;
}

const magic = Buffer.from('BERTHBK1');
const chunkBytes = 64 * 1024;
/** Larger chunks and headers are damage: they would only fill the memory. */
const maxHeaderBytes = 64 * 1024;
const lastBit = 0x8000_0000;
/** Cost of a guess of the passphrase: scrypt with 64 MiB of memory. */
const defaultCost = { N: 2 ** 16, r: 8, p: 1 };
const maxCost = 2 ** 20;

const deriveKey = promisify<string, Buffer, number, { N: number; r: number; p: number; maxmem: number }, Buffer>(scrypt);

/** Checks chunks: makes or verifies what follows each of them. */
interface Sealing {
  readonly checkBytes: number;
  seal(length: Buffer, content: Buffer, isLast: boolean): { readonly content: Buffer; readonly check: Buffer };
  /** Throws `DamagedBackup`. */
  open(length: Buffer, content: Buffer, check: Buffer, isLast: boolean): Buffer;
}

/** Yields the bytes of a backup file with the `content`. Without a passphrase the content is not encrypted. */
export async function* writeContainer(
  beganAt: number,
  content: AsyncIterable<Uint8Array>,
  passphrase: string | undefined,
  cost: typeof defaultCost = defaultCost,
): AsyncGenerator<Buffer> {
  const encryption: Encryption | null =
    passphrase === undefined ? null : { cipher: 'aes-256-gcm', kdf: 'scrypt', ...cost, salt: randomBytes(16).toString('base64') };
  const header: BackupHeader = { format: 1, beganAt, compression: 'gzip', encryption };
  const json = Buffer.from(JSON.stringify(header));
  const beginning = Buffer.concat([magic, uint32(json.length), json]);
  const sealing = await createSealing(beginning, encryption, passphrase);
  yield beginning;

  function sealed(chunk: Buffer, isLast: boolean): Buffer {
    const length = uint32(isLast ? chunk.length + lastBit : chunk.length);
    const { content, check } = sealing.seal(length, chunk, isLast);
    return Buffer.concat([length, content, check]);
  }
  let pending = Buffer.alloc(0);
  for await (const bytes of content) {
    pending = Buffer.concat([pending, bytes]);
    let start = 0;
    for (; pending.length - start > chunkBytes; start += chunkBytes) {
      yield sealed(pending.subarray(start, start + chunkBytes), false);
    }
    pending = pending.subarray(start);
  }
  yield sealed(pending, true);
}

/** Reads the header of a backup file. Throws `DamagedBackup`: without the right passphrase, too, if the content is encrypted. */
export async function openContainer(bytes: AsyncIterable<Uint8Array>, passphrase: string | undefined): Promise<OpenBackup> {
  const reader = createReader(bytes);
  const start = await reader.take(magic.length + 4);
  if (!start.subarray(0, magic.length).equals(magic)) throw new DamagedBackup('it is not a backup of berth');
  const length = start.readUInt32BE(magic.length);
  if (length > maxHeaderBytes) throw new DamagedBackup('its header is damaged');
  const json = await reader.take(length);
  const header = parseHeader(json);
  const sealing = await createSealing(Buffer.concat([start, json]), header.encryption, passphrase);
  return { header, content: () => readChunks(reader, sealing) };
}

async function* readChunks(reader: Reader, sealing: Sealing): AsyncGenerator<Buffer> {
  for (let isLast = false; !isLast;) {
    const length = await reader.take(4);
    const field = length.readUInt32BE();
    isLast = field >= lastBit;
    const size = isLast ? field - lastBit : field;
    if (size > chunkBytes) throw damagedChunk();
    const bytes = await reader.take(size + sealing.checkBytes);
    const content = sealing.open(length, bytes.subarray(0, size), bytes.subarray(size), isLast);
    if (isLast && !(await reader.isAtEnd())) throw new DamagedBackup('it goes on after its end');
    yield content;
  }
}

function parseHeader(json: Buffer): BackupHeader {
  let header: Partial<BackupHeader>;
  try {
    header = JSON.parse(json.toString()) as Partial<BackupHeader>;
  } catch {
    throw new DamagedBackup('its header is damaged');
  }
  if (header.format !== 1) throw new DamagedBackup('it has a format that this version of berth does not know');
  if (!Number.isSafeInteger(header.beganAt) || header.compression !== 'gzip') throw new DamagedBackup('its header is damaged');
  return header as BackupHeader;
}

async function createSealing(beginning: Buffer, encryption: Encryption | null, passphrase: string | undefined): Promise<Sealing> {
  const identity = createHash('sha256').update(beginning).digest();
  if (!encryption) return hashing(identity);
  if (passphrase === undefined) throw new DamagedBackup('it is encrypted: set backup.passphrase');
  return encrypting(identity, await makeKey(encryption, passphrase));
}

async function makeKey({ N, r, p, salt }: Encryption, passphrase: string): Promise<Buffer> {
  if (!(N * r * p <= maxCost * 8)) throw new DamagedBackup('its header is damaged');
  try {
    return await deriveKey(passphrase, Buffer.from(salt, 'base64'), 32, { N, r, p, maxmem: 256 * N * r });
  } catch {
    throw new DamagedBackup('its header is damaged');
  }
}

function hashing(identity: Buffer): Sealing {
  let before = identity;
  const next = (length: Buffer, content: Buffer) => {
    before = createHash('sha256').update(before).update(length).update(content).digest();
    return before;
  };
  return {
    checkBytes: 32,
    seal: (length, content) => ({ content, check: next(length, content) }),
    open(length, content, check) {
      if (!next(length, content).equals(check)) throw damagedChunk();
      return content;
    },
  };
}

function encrypting(identity: Buffer, key: Buffer): Sealing {
  let number = 0;
  function nonce(isLast: boolean): Buffer {
    const bytes = Buffer.alloc(12);
    bytes.writeUIntBE(number++, 0, 6);
    bytes[11] = isLast ? 1 : 0;
    return bytes;
  }
  return {
    checkBytes: 16,
    seal(_length, content, isLast) {
      const cipher = createCipheriv('aes-256-gcm', key, nonce(isLast)).setAAD(identity);
      const encrypted = Buffer.concat([cipher.update(content), cipher.final()]);
      return { content: encrypted, check: cipher.getAuthTag() };
    },
    open(_length, content, check, isLast) {
      const isFirst = number === 0;
      const decipher = createDecipheriv('aes-256-gcm', key, nonce(isLast), { authTagLength: 16 });
      decipher.setAAD(identity).setAuthTag(check);
      try {
        return Buffer.concat([decipher.update(content), decipher.final()]);
      } catch {
        throw isFirst ? new DamagedBackup('its passphrase is another one, or its first bytes are damaged') : damagedChunk();
      }
    },
  };
}

function damagedChunk(): DamagedBackup {
  return new DamagedBackup('its content is damaged: a checksum does not match');
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

interface Reader {
  /** Reads exactly `length` bytes. Throws `DamagedBackup` at the end of the file. */
  take(length: number): Promise<Buffer>;
  isAtEnd(): Promise<boolean>;
}

function createReader(bytes: AsyncIterable<Uint8Array>): Reader {
  const iterator = bytes[Symbol.asyncIterator]();
  let pending = Buffer.alloc(0);

  async function fill(length: number): Promise<void> {
    const parts = [pending];
    let total = pending.length;
    while (total < length) {
      const next = await iterator.next();
      if (next.done === true) break;
      // The source may use the memory of the chunk again.
      parts.push(Buffer.from(next.value));
      total += next.value.length;
    }
    pending = Buffer.concat(parts);
  }

  return {
    async take(length) {
      if (pending.length < length) await fill(length);
      if (pending.length < length) throw new DamagedBackup('it is cut off');
      const taken = pending.subarray(0, length);
      pending = pending.subarray(length);
      return taken;
    },
    async isAtEnd() {
      if (pending.length === 0) await fill(1);
      return pending.length === 0;
    },
  };
}
