import type { Fields } from '../../oci/foreign-json.ts';
import { itemsOf, textOf } from './fields.ts';
import { type Sbom, toSbom } from './sbom.ts';

/** Reads an SPDX 2 document. */
export function readSpdx(document: Fields): Sbom {
  const packages = itemsOf(document['packages']).map((fields) => {
    const purl = itemsOf(fields['externalRefs']).find(({ referenceType }) => referenceType === 'purl');
    return {
      name: textOf(fields['name']),
      version: textOf(fields['versionInfo']),
      license: licenseOf(fields['licenseConcluded']) || licenseOf(fields['licenseDeclared']),
      purl: textOf(purl?.['referenceLocator']),
    };
  });
  return toSbom(textOf(document['spdxVersion']), packages);
}

function licenseOf(value: unknown): string {
  const text = textOf(value);
  return text === 'NOASSERTION' || text === 'NONE' ? '' : text;
}
