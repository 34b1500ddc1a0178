/**
 * Prints what berth consists of as a CycloneDX document: the packages of the lock file that the server needs, this Node.js, and,
 * if the root of a file system is given, the packages of its Debian.
 *
 *   node packaging/sbom.ts          what `npm install --omit=dev` installs here
 *   node packaging/sbom.ts /        in an image: also the packages of its system
 *
 * Equal inputs give equal bytes: the document has no time, and its serial number is a hash of its content.
 */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseDpkgStatus } from '../src/images/packages/dpkg.ts';

const checkout = resolve(import.meta.dirname, '..');

interface LockedPackage {
  readonly version: string;
  readonly integrity?: string;
  readonly license?: string;
  /** Only development needs it. */
  readonly dev?: boolean;
  readonly dependencies?: Readonly<Record<string, string>>;
}

interface LockFile extends LockedPackage {
  readonly name: string;
  /** By place, such as `node_modules/a/node_modules/b`; the project itself at ''. */
  readonly packages: Readonly<Record<string, LockedPackage>>;
}

interface Component {
  readonly type: 'application' | 'library' | 'platform';
  readonly 'bom-ref': string;
  readonly name: string;
  readonly version: string;
  readonly hashes?: readonly { readonly alg: string; readonly content: string }[];
  readonly licenses?: readonly ({ readonly expression: string } | { readonly license: { readonly id: string } })[];
  readonly cpe?: string;
  readonly purl: string;
}

interface Dependency {
  readonly ref: string;
  readonly dependsOn: readonly string[];
}

const lock = JSON.parse(readFileSync(join(checkout, 'package-lock.json'), 'utf8')) as LockFile;
const needed = Object.entries(lock.packages).filter(([, { dev = false }]) => !dev);

const nameOf = (place: string): string => place.split('node_modules/').at(-1) || lock.name;

/** Returns the package URL (purl-spec, type npm). berth itself is not on npm, where another package has its name. */
function npmUrl(place: string): string {
  const version = encodeURIComponent(lock.packages[place]?.version ?? '');
  return `pkg:${place === '' ? 'generic' : 'npm'}/${nameOf(place).replace('@', '%40')}@${version}`;
}

function licensesOf(license: string | undefined): Pick<Component, 'licenses'> {
  if (license === undefined) return {};
  return { licenses: [/[ ()]/.test(license) ? { expression: license } : { license: { id: license } }] };
}

/** Converts npm's integrity (Subresource Integrity) to a hash in hexadecimal digits. */
function hashesOf(integrity: string | undefined): Pick<Component, 'hashes'> {
  const [, bits, base64 = ''] = /^sha(1|256|384|512)-(\S+)/.exec(integrity ?? '') ?? [];
  if (bits === undefined) return {};
  return { hashes: [{ alg: `SHA-${bits}`, content: Buffer.from(base64, 'base64').toString('hex') }] };
}

function npmComponent([place, { version, license, integrity }]: readonly [string, LockedPackage]): Component {
  const purl = npmUrl(place);
  const type = place === '' ? 'application' : 'library';
  return { type, 'bom-ref': purl, name: nameOf(place), version, ...hashesOf(integrity), ...licensesOf(license), purl };
}

/** Returns where the package at `place` finds a package, or undefined for an optional one that is not installed. */
function resolvePackage(name: string, place: string): string | undefined {
  const candidate = `${place === '' ? '' : `${place}/`}node_modules/${name}`;
  if (candidate in lock.packages) return candidate;
  if (place === '') return undefined;
  return resolvePackage(name, place.slice(0, Math.max(place.lastIndexOf('/node_modules/'), 0)));
}

function npmDependency([place, { dependencies = {} }]: readonly [string, LockedPackage]): Dependency {
  const places = Object.keys(dependencies).flatMap((name) => resolvePackage(name, place) ?? []);
  return { ref: npmUrl(place), dependsOn: [...new Set(places.map(npmUrl))].sort() };
}

function nodeComponent(): Component {
  const version = process.versions.node;
  const purl = `pkg:generic/node@${version}`;
  const cpe = `cpe:2.3:a:nodejs:node.js:${version}:*:*:*:*:*:*:*`;
  return { type: 'platform', 'bom-ref': purl, name: 'node', version, ...licensesOf('MIT'), cpe, purl };
}

/** Returns the packages of the Debian below `root`; none if there is no list of them. */
function debianComponents(root: string): readonly Component[] {
  const status = join(root, 'var/lib/dpkg/status');
  if (!existsSync(status)) return [];
  const release = readFileSync(join(root, 'etc/os-release'), 'utf8');
  const valueOf = (key: string) => new RegExp(`^${key}="?([^"\n]*)`, 'm').exec(release)?.[1] ?? '';
  return parseDpkgStatus(readFileSync(status, 'utf8')).map(({ name, version, architecture }) => {
    const distribution = `arch=${architecture}&distro=${valueOf('ID')}-${valueOf('VERSION_ID')}`;
    const purl = `pkg:deb/${valueOf('ID')}/${encodeURIComponent(name)}@${encodeURIComponent(version)}?${distribution}`;
    return { type: 'library', 'bom-ref': purl, name, version, purl };
  });
}

/** Returns each component once: the lock file names a package at every place where it is installed. */
function distinct(components: readonly Component[]): readonly Component[] {
  const byReference = new Map(components.map((component) => [component['bom-ref'], component]));
  return [...byReference.values()].sort((a, b) => (a['bom-ref'] < b['bom-ref'] ? -1 : 1));
}

/** Joins what the places of one package depend on. */
function dependenciesOf(components: readonly Component[]): readonly Dependency[] {
  const all = needed.map(npmDependency);
  return components.map(({ 'bom-ref': ref }) => {
    const found = all.filter((dependency) => dependency.ref === ref).flatMap(({ dependsOn }) => dependsOn);
    return { ref, dependsOn: [...new Set(found)].sort() };
  });
}

/** Returns a UUID (RFC 9562, version 8) made from a hash. */
function uuidOf(text: string): string {
  const digits = createHash('sha256').update(text).digest('hex');
  return `${digits.slice(0, 8)}-${digits.slice(8, 12)}-8${digits.slice(13, 16)}-8${digits.slice(17, 20)}-${digits.slice(20, 32)}`;
}

const [own, ...packages] = needed.map(npmComponent);
if (own === undefined) throw new Error('package-lock.json names no packages');
const components = distinct([...packages, nodeComponent(), ...(process.argv[2] ? debianComponents(process.argv[2]) : [])]);
const content = { metadata: { component: own }, components, dependencies: dependenciesOf([own, ...components]) };
const head = {
  $schema: 'http://cyclonedx.org/schema/bom-1.6.schema.json',
  bomFormat: 'CycloneDX',
  specVersion: '1.6',
  serialNumber: `urn:uuid:${uuidOf(JSON.stringify(content))}`,
  version: 1,
};
process.stdout.write(`${JSON.stringify({ ...head, ...content }, null, 1)}\n`);
