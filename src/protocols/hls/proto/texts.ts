import {
  type Names,
  type StreamFacts,
  targetDuration,
  type Variant,
  writeMedia,
  writeMultivariant,
} from "./playlist.ts";
import type { SegmentWindow } from "./window.ts";

/** Stands for the query while a text is made: no URL and no name has it. */
const MARK = "\u0001";
/** Texts with a query that are kept until the playlist changes, and the longest one among them, characters. */
const KEPT_MAX = 100;
const KEPT_LENGTH_MAX = 32 * 1024;
const TYPE = "application/vnd.apple.mpegurl";

/** A playlist as it was at one moment. */
interface Text {
  /** What lies between one query and the next. */
  readonly pieces: readonly string[];
  /** Without a query. */
  readonly plain: Blob;
  readonly byQuery: Map<string, Blob>;
}

/** Playlists as bytes: made once for each state of the window, and shared by all who ask for the same. */
export class PlaylistTexts {
  readonly #window: SegmentWindow;
  readonly #variant: Variant;
  readonly #names: Omit<Names, "query">;
  readonly #texts = new Map<string, Text>();
  #version = -1;
  #lifetime = "";

  constructor(window: SegmentWindow, variant: Variant, names: Omit<Names, "query">) {
    this.#window = window;
    this.#variant = variant;
    this.#names = names;
  }

  /**
   * The media playlist as it is now.
   *
   * @param query repeated on every URI, with its `?`; empty without one
   * @param isDelta whether old segments may be left out
   */
  media(query: string, isDelta: boolean): Blob {
    const names = { ...this.#names, query: MARK };
    return this.#get(isDelta ? "delta" : "media", query, () =>
      writeMedia(this.#window, this.#variant, names, isDelta),
    );
  }

  /** The multivariant playlist as it is now. */
  multivariant(query: string, facts: () => StreamFacts): Blob {
    return this.#get("multivariant", query, () =>
      writeMultivariant(facts(), this.#window, this.#variant, MARK),
    );
  }

  /** How long caches may keep what was waited for, as Cache-Control says it: a target duration. */
  get lifetime(): string {
    this.#renew();
    return this.#lifetime;
  }

  #renew(): void {
    const { version } = this.#window;
    if (this.#version === version) return;
    this.#version = version;
    this.#texts.clear();
    this.#lifetime = `max-age=${targetDuration(this.#window)}`;
  }

  #get(kind: string, query: string, write: () => string): Blob {
    this.#renew();
    let text = this.#texts.get(kind);
    if (text === undefined) {
      const pieces = write().split(MARK);
      text = { pieces, plain: blob(pieces.join("")), byQuery: new Map() };
      this.#texts.set(kind, text);
    }
    return query === "" ? text.plain : withQuery(text, query);
  }
}

function withQuery({ pieces, byQuery }: Text, query: string): Blob {
  const known = byQuery.get(query);
  if (known !== undefined) return known;
  const made = blob(pieces.join(query));
  if (byQuery.size < KEPT_MAX && made.size <= KEPT_LENGTH_MAX) byQuery.set(query, made);
  return made;
}

function blob(text: string): Blob {
  return new Blob([text], { type: TYPE });
}
