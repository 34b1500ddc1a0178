import { pathOf } from '../index/entry-key.ts';
import type { Entry } from '../index/entry.ts';
import type { IndexWriter } from '../index/index-writer.ts';
import type { LayerHead, PackageFormat } from '../index/layer-head.ts';
import { parseApkInstalled } from './apk.ts';
import { parseDpkgStatus } from './dpkg.ts';
import { type Package, UnreadPackages } from './package.ts';
import { parseRpmDatabase } from './rpm.ts';

/** Reads the files with lists of packages while the archive that contains them is read. */
export interface PackageCollector {
  /** Returns a receiver of the content if the entry is a list of packages. */
  open(entry: Entry): { write(bytes: Buffer): void; end(): void } | undefined;
  /** Approximate memory, in bytes. */
  heldBytes(): number;
  /** Writes the packages into the index. */
  finish(writer: IndexWriter): Promise<Pick<LayerHead, 'packageFiles' | 'packages'>>;
}

/** An rpm database of a whole desktop has 100 MiB, that of a server image less than 32 MiB. */
const maxFileBytes = 64 * 1024 * 1024;
/** Directories with a file for each package have some hundred. */
const maxFiles = 10_000;
/** Memory of a package: an object and its three texts. */
const packageBytes = 200;

interface Source {
  readonly format: PackageFormat;
  readonly pattern: RegExp;
  /** Throws `UnreadPackages`. */
  readonly parse: (content: Buffer) => readonly Package[];
}

const unread = (reason: string) => () => {
  throw new UnreadPackages(reason);
};

/** Where package managers keep their lists. */
const sources: readonly Source[] = [
  { format: 'dpkg', pattern: /^var\/lib\/dpkg\/status$/, parse: (content) => parseDpkgStatus(content.toString()) },
  {
    format: 'dpkg',
    pattern: /^var\/lib\/dpkg\/status\.d\/[^/]+(?<!\.md5sums)$/,
    parse: (content) => parseDpkgStatus(content.toString()),
  },
  { format: 'apk', pattern: /^(?:usr\/)?lib\/apk\/db\/installed$/, parse: (content) => parseApkInstalled(content.toString()) },
  { format: 'rpm', pattern: /^(?:var\/lib|usr\/lib\/sysimage)\/rpm\/rpmdb\.sqlite$/, parse: parseRpmDatabase },
  {
    format: 'rpm',
    pattern: /^(?:var\/lib|usr\/lib\/sysimage)\/rpm\/Packages$/,
    parse: unread('rpm databases of Berkeley DB are not read'),
  },
  {
    format: 'rpm',
    pattern: /^(?:var\/lib|usr\/lib\/sysimage)\/rpm\/Packages\.db$/,
    parse: unread('rpm databases of the format ndb are not read'),
  },
];

interface Found {
  readonly path: string;
  readonly format: PackageFormat;
  readonly packages: readonly Package[];
  readonly unread: string;
}

export function createPackageCollector(): PackageCollector {
  /** By path: of a file that an archive has twice, the last. */
  const found = new Map<string, Found>();
  let heldBytes = 0;

  return {
    open(entry) {
      const path = pathOf(entry);
      const source = entry.type === 'file' ? sources.find(({ pattern }) => pattern.test(path)) : undefined;
      if (!source || found.size >= maxFiles) return undefined;
      const { format } = source;
      if (entry.sizeBytes > maxFileBytes) {
        const reason = `the file is larger than ${maxFileBytes} bytes`;
        found.set(path, { path, format, packages: [], unread: reason });
        return undefined;
      }
      const content = Buffer.alloc(entry.sizeBytes);
      let length = 0;
      heldBytes += content.length;
      return {
        write: (bytes) => void (length += bytes.copy(content, length)),
        end() {
          heldBytes -= content.length;
          const result = { path, format, ...parse(source, content) };
          heldBytes += result.packages.length * packageBytes;
          found.set(path, result);
        },
      };
    },
    heldBytes: () => heldBytes,
    async finish(writer) {
      const files = [...found.values()];
      return {
        packageFiles: files.map(({ path, format, unread }) => ({ path, format, unread })),
        packages: files.length === 0 ? undefined : await writer.json(files.map(({ packages }) => packages)),
      };
    },
  };
}

function parse({ parse }: Source, content: Buffer): Pick<Found, 'packages' | 'unread'> {
  try {
    return { packages: parse(content), unread: '' };
  } catch (error) {
    if (error instanceof UnreadPackages) return { packages: [], unread: error.message };
    throw error;
  }
}
