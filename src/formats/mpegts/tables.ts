/** A program association section (ISO/IEC 13818-1 §2.4.4.3). */
export interface ProgramAssociation {
  readonly transportStream: number;
  readonly version: number;
  readonly section: number;
  readonly programs: readonly { readonly program: number; readonly pid: number }[];
}

/** An elementary stream as the program map describes it. */
export interface ElementaryStream {
  readonly pid: number;
  readonly streamType: number;
  /** Its descriptors: tag, length, content, and so on. */
  readonly descriptors: Uint8Array;
}

/** A program map section (ISO/IEC 13818-1 §2.4.4.8). */
export interface ProgramMap {
  readonly program: number;
  readonly version: number;
  readonly streams: readonly ElementaryStream[];
}

const TABLE = { association: 0, map: 2 };
/** Bytes of a section's header, and of its CRC. */
const HEAD = 8;
const TAIL = 4;

/** The sections that lie back to back in `bytes`. */
export function splitSections(bytes: Uint8Array): Uint8Array[] {
  const sections: Uint8Array[] = [];
  for (let at = 0; at + 3 <= bytes.length; ) {
    const size = 3 + (word(bytes, at + 1) & 0xfff);
    if (at + size > bytes.length) break;
    sections.push(bytes.subarray(at, at + size));
    at += size;
  }
  return sections;
}

/** Undefined when it is not one. Its CRC has been checked. */
export function parseAssociation(section: Uint8Array): ProgramAssociation | undefined {
  if (section[0] !== TABLE.association || section.length < HEAD + TAIL) return undefined;
  const programs: { program: number; pid: number }[] = [];
  for (let at = HEAD; at + 4 <= section.length - TAIL; at += 4) {
    const program = word(section, at);
    // program 0 is the network information table
    if (program !== 0) programs.push({ program, pid: word(section, at + 2) & 0x1fff });
  }
  return {
    transportStream: word(section, 3),
    version: ((section[5] as number) >> 1) & 31,
    section: section[6] as number,
    programs,
  };
}

/** Undefined when it is not one. Its CRC has been checked. */
export function parseProgramMap(section: Uint8Array): ProgramMap | undefined {
  if (section[0] !== TABLE.map || section.length < HEAD + 4 + TAIL) return undefined;
  const streams: ElementaryStream[] = [];
  const end = section.length - TAIL;
  let at = HEAD + 4 + (word(section, HEAD + 2) & 0xfff);
  while (at + 5 <= end) {
    const size = Math.min(word(section, at + 3) & 0xfff, end - at - 5);
    streams.push({
      pid: word(section, at + 1) & 0x1fff,
      streamType: section[at] as number,
      descriptors: section.slice(at + 5, at + 5 + size),
    });
    at += 5 + size;
  }
  return { program: word(section, 3), version: ((section[5] as number) >> 1) & 31, streams };
}

/** The content of the first descriptor with a tag; undefined without one. */
export function findDescriptor(descriptors: Uint8Array, tag: number): Uint8Array | undefined {
  for (let at = 0; at + 2 <= descriptors.length; ) {
    const size = descriptors[at + 1] as number;
    if (at + 2 + size > descriptors.length) return undefined;
    if (descriptors[at] === tag) return descriptors.subarray(at + 2, at + 2 + size);
    at += 2 + size;
  }
  return undefined;
}

function word(bytes: Uint8Array, at: number): number {
  return ((bytes[at] as number) << 8) | (bytes[at + 1] as number);
}
