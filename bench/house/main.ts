/** Prints the sizes of the source: npm run house [-- CHECKOUT] */
import { readFileSync, readdirSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { type SourceFile, countBy, folderOf, functionsOf, lineCount, percentile, repeatedRuns } from './measure.ts';

const root = resolve(process.argv[2] ?? join(import.meta.dirname, '../..'));

function filesBelow(folder: string): readonly SourceFile[] {
  return readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => join(entry.parentPath, entry.name))
    .map((file) => ({ path: relative(root, file), text: readFileSync(file, 'utf8') }));
}

/** Counts the imports of other folders by each folder. */
function importsByFolder(files: readonly SourceFile[]): readonly (readonly [string, number])[] {
  const imports = files.flatMap((file) =>
    [...file.text.matchAll(/from '(\.[^']+)'/g)]
      .map(([, target = '']) => folderOf({ path: join(folderOf(file), target) }))
      .filter((folder) => folder !== folderOf(file))
      .map(() => file),
  );
  return countBy(imports, folderOf);
}

const files = ['config', 'src', 'storage'].flatMap(filesBelow);
const functions = files.flatMap(functionsOf);
const fileLines = files.map(lineCount);
const functionLines = functions.map(({ ownLines }) => ownLines);
const [longest] = [...functions].sort((one, other) => other.ownLines - one.ownLines);
const print = (line: string) => process.stdout.write(`${line}\n`);
const top = (counts: readonly (readonly [string, number])[]) =>
  counts
    .slice(0, 5)
    .map(([folder, count]) => `${folder} ${count}`)
    .join(', ');

print(`files                ${files.length}`);
print(`lines                ${fileLines.reduce((sum, lines) => sum + lines, 0)}`);
print(
  `lines of a file      median ${percentile(fileLines, 0.5)}, 90 % below ${percentile(fileLines, 0.9)}, longest ${Math.max(...fileLines)}`,
);
print(`functions            ${functions.length}`);
print(`lines of a function  median ${percentile(functionLines, 0.5)}, 90 % below ${percentile(functionLines, 0.9)}`);
if (longest) print(`longest function     ${longest.ownLines} lines: ${longest.name}, ${longest.path}:${longest.line}`);
print(`files in a folder    ${top(countBy(files, folderOf))}`);
print(`imports of a folder  ${top(importsByFolder(files))}`);
print(`repeated runs        ${repeatedRuns(files)} groups of files share six lines`);
