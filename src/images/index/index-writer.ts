import { zstdCompressSync } from 'node:zlib';
import type { Entry } from './entry.ts';
import { encodeFrame, frameEntries } from './frame.ts';
import { type Head, encodeTrailer } from './head.ts';
import type { FramePlace, Section } from './section.ts';

/** Writes an index object front to back: sections and frames in any order, then its head. Only for the worker. */
export interface IndexWriter {
  /** Writes the bytes as they are. */
  section(bytes: Uint8Array): Promise<Section>;
  /** Writes a value as compressed JSON. */
  json(value: unknown): Promise<Section>;
  /** Writes entries, which must come in the order of the index, as frames. */
  frames(entries: Iterable<Entry> | AsyncIterable<Entry>): Promise<readonly FramePlace[]>;
  /** Writes the head. Nothing can be written after it. */
  finish(head: Head): Promise<void>;
}

/** `write` resolves when the next bytes may come. */
export function createIndexWriter(write: (bytes: Uint8Array) => Promise<void>): IndexWriter {
  let offset = 0;

  async function section(bytes: Uint8Array): Promise<Section> {
    const place = { offset, length: bytes.length };
    offset += bytes.length;
    await write(bytes);
    return place;
  }

  const json = (value: unknown) => section(zstdCompressSync(JSON.stringify(value)));

  return {
    section,
    json,
    async frames(entries) {
      const places: FramePlace[] = [];
      let waiting: Entry[] = [];
      async function flush(): Promise<void> {
        const [first] = waiting;
        if (!first) return;
        const place = await section(encodeFrame(waiting));
        places.push({ ...place, directory: first.directory, name: first.name, entries: waiting.length });
        waiting = [];
      }
      for await (const entry of entries) {
        waiting.push(entry);
        if (waiting.length === frameEntries) await flush();
      }
      await flush();
      return places;
    },
    async finish(head) {
      await write(encodeTrailer(await json(head)));
    },
  };
}
