/**
 * Builds `build/berth_VERSION_ARCHITECTURE.deb` around the single executable, which it builds first.
 *
 *   npm run build:deb            for this machine's processor
 *   npm run build:deb -- arm64   for another one
 *
 * Equal executables give equal bytes: files have the time of SOURCE_DATE_EPOCH, or of the last commit.
 */
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { checkout } from '../bundle.ts';

const architectures: Readonly<Record<string, string>> = { x64: 'amd64', arm64: 'arm64' };
const processor = process.argv[2] ?? process.arch;
const architecture = architectures[processor] ?? '';
const executable = join(checkout, `build/berth-linux-${processor}`);
const { version, description } = JSON.parse(readFileSync(join(checkout, 'package.json'), 'utf8')) as {
  version: string;
  description: string;
};
const root = join(checkout, `build/debian-${processor}`);
/** The one who builds the package, by the variables of Debian's tools. */
const maintainer = `${process.env['DEBFULLNAME'] ?? 'The berth authors'} <${process.env['DEBEMAIL'] ?? 'berth@localhost'}>`;

function output(program: string, args: readonly string[]): string {
  return execFileSync(program, args, { cwd: checkout, encoding: 'utf8', stdio: ['ignore', 'pipe', 2] }).trim();
}

const seconds = Number(process.env['SOURCE_DATE_EPOCH'] ?? output('git', ['log', '-1', '--format=%ct']));

function write(path: string, content: string | Buffer, mode = 0o644): void {
  const file = join(root, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, content);
  chmodSync(file, mode);
}

const textOf = (path: string): string => readFileSync(join(checkout, path), 'utf8');

/** Returns the unit of `deploy/systemd` for the places of the package. */
function unit(): string {
  return textOf('deploy/systemd/berth.service')
    .replace(/^#.*\n/, '')
    .replace('file:///opt/berth/README.md', 'file:///usr/share/doc/berth/README.md')
    .replace('/opt/berth/bin/berth', '/usr/bin/berth')
    .replace(
      '[Service]\n',
      '[Service]\n# Limits the arenas in which glibc keeps freed memory.\nEnvironment=MALLOC_ARENA_MAX=2\n',
    );
}

function changelog(): string {
  const date = new Date(seconds * 1000).toUTCString().replace('GMT', '+0000');
  const lines = [
    `berth (${version}) unstable; urgency=medium`,
    '',
    '  * See CHANGELOG.md.gz.',
    '',
    ` -- ${maintainer}  ${date}`,
    '',
  ];
  return lines.join('\n');
}

function copyright(): string {
  const fields = 'Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\nUpstream-Name: berth\n';
  const license = 'License: Apache-2.0\n On Debian systems the text is in /usr/share/common-licenses/Apache-2.0.\n';
  const others = 'Comment: The licences of Node.js and the packages inside are in licenses.txt.gz beside this file.\n';
  return `${fields}${others}\nFiles: *\nCopyright: 2026 The berth authors\n${license}`;
}

const zip = (text: string): Buffer => gzipSync(text, { level: 9 });

function writeFiles(): void {
  write('usr/bin/berth', readFileSync(executable), 0o755);
  write('lib/systemd/system/berth.service', unit());
  write('etc/berth/berth.yaml', textOf('packaging/debian/berth.yaml'));
  write('usr/share/bash-completion/completions/berth', `${output('bin/berth', ['completion', 'bash'])}\n`);
  const documents = 'usr/share/doc/berth';
  write(`${documents}/copyright`, copyright());
  write(`${documents}/changelog.gz`, zip(changelog()));
  write(`${documents}/CHANGELOG.md.gz`, zip(textOf('CHANGELOG.md')));
  write(`${documents}/README.md`, textOf('README.md'));
  write(`${documents}/default.yaml`, textOf('config/default.yaml'));
  write(`${documents}/licenses.txt.gz`, zip(readFileSync(`${executable}.licenses.txt`, 'utf8')));
  write('usr/share/lintian/overrides/berth', textOf('packaging/debian/lintian-overrides'));
}

function sizeKibibytes(folder: string): number {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return files.reduce((total, { parentPath, name }) => total + Math.ceil(statSync(join(parentPath, name)).size / 1024), 0);
}

function writeControl(): void {
  const control = [
    'Package: berth',
    `Version: ${version}`,
    `Architecture: ${architecture}`,
    `Maintainer: ${maintainer}`,
    `Installed-Size: ${sizeKibibytes(root)}`,
    'Depends: libc6 (>= 2.28), libgcc-s1 (>= 3.4), libstdc++6 (>= 6), adduser, init-system-helpers (>= 1.52)',
    'Recommends: ca-certificates',
    'Section: net',
    'Priority: optional',
    'Description: OCI image registry',
    ...description.split(': ').map((part) => ` ${part}`),
  ];
  write('DEBIAN/control', `${control.join('\n')}\n`);
  write('DEBIAN/conffiles', '/etc/berth/berth.yaml\n');
  const files = output('find', [root, '-type', 'f', '-not', '-path', `${root}/DEBIAN/*`, '-printf', '%P\n'])
    .split('\n')
    .sort();
  const sums = files.map((file) => output('md5sum', [join(root, file)]).replace(`${root}/`, ''));
  write('DEBIAN/md5sums', `${sums.join('\n')}\n`);
  for (const name of ['postinst', 'prerm', 'postrm']) write(`DEBIAN/${name}`, textOf(`packaging/debian/scripts/${name}`), 0o755);
}

if (architecture === '') {
  process.stderr.write(`build: there is no executable for ${processor}: name ${Object.keys(architectures).join(' or ')}\n`);
  process.exit(2);
}
execFileSync(join(checkout, 'bin/task'), ['build:binary', processor], { stdio: ['ignore', 2, 2] });
rmSync(root, { recursive: true, force: true });
writeFiles();
writeControl();
output('find', [root, '-type', 'd', '-exec', 'chmod', '755', '{}', '+']);
const target = join(checkout, `build/berth_${version}_${architecture}.deb`);
// gzip: every dpkg reads it, and it takes a tenth of the time of xz.
execFileSync('dpkg-deb', ['--root-owner-group', '-Zgzip', '-z6', '--build', root, target], {
  env: { ...process.env, SOURCE_DATE_EPOCH: String(seconds) },
  stdio: ['ignore', 'ignore', 2],
});
rmSync(root, { recursive: true });
process.stderr.write(`build: made ${target}\n`);
