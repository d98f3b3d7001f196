/** Size of a block of the media memory, bytes. Blocks are aligned to their size. */
export const BLOCK_SIZE = 131072;
/** Address of the pool's state: after the static data of a debug build. */
export const POOL_ADDRESS = 32768;
/** Address of the first block. */
export const FIRST_BLOCK = 131072;
/** Blocks in the largest memory, 2 GiB. */
export const MAX_BLOCKS = 16383;
/** Bytes of a block before its first packet or slot. */
export const BLOCK_HEADER = 64;
/** Guard bytes at the end of every block in the fuzz build. */
export const RED_ZONE = 64;
/** Slot sizes are 256 << (2 * class), bytes. */
export const SLOT_CLASSES = 4;
export const SLOT_MIN = 256;

/** Mask of the alignment of 64-bit fields in a layout: 8 less 1. */
export const ALIGN_MASK = 7;

/** Bytes of an index entry of a log. */
export const INDEX_STRIDE = 16;
/** Channels of interleaved framing, and RTP payload types. */
export const CHANNELS_MAX = 256;
export const PAYLOAD_TYPES_MAX = 128;
/** Largest frame on an unknown channel, bytes; what claims to be larger is none, and a frame may follow at once. */
export const UNKNOWN_FRAME_MAX = 1500;
/** Bytes of interleaved framing in front of a packet (RFC 2326 §10.12). */
export const FRAMING = 4;
/** Tracks of one stream. */
export const MAX_TRACKS = 32;
/** Bytes of one frame (access unit) of a publisher. */
export const MAX_FRAME_BYTES = 16777216;
/** Largest audio unit, bytes. */
export const MAX_AUDIO_BYTES = 65536;
/** Frames without a random access point after which every frame counts as one. */
export const FRAMES_WITHOUT_KEY = 600;
/** Workers that may read one log besides its owner. */
export const MAX_WORKERS = 4;

/** Flags of an index entry. */
export const FLAG_END_OF_FRAME = 1;
export const FLAG_START_OF_FRAME = 2;
export const FLAG_GAP = 4;
/** The packet belongs to a track whose frames may span packets. */
export const FLAG_VIDEO = 8;
/** The first record of a random access point; in logs of records alone. */
export const FLAG_RANDOM = 16;

/** Largest record of a muxer, bytes. */
export const RECORD_MAX = 65536;

/** How the core tells frames and random access points of a payload type. 0: unknown payload type. */
export const KIND_PACKET = 1;
export const KIND_H264 = 2;
export const KIND_H265 = 3;
export const KIND_VP8 = 4;
export const KIND_VP9 = 5;
export const KIND_AV1 = 6;
export const KIND_MPEG4_VIDEO = 7;
export const KIND_MPEG12_VIDEO = 8;
export const KIND_MJPEG = 9;
/** As KIND_PACKET; the packets have AU headers of the mode AAC-hbr (RFC 3640 §3.3.6). */
export const KIND_AAC = 10;

/** Channel map: nothing expected, what comes is ignored, or the track's RTCP. */
export const CHANNEL_NONE = 255;
export const CHANNEL_IGNORED = 254;
export const CHANNEL_RTCP = 128;

/** Parameter sets of a track: bits, and bytes kept of each. */
export const PARAM_SPS = 1;
export const PARAM_PPS = 2;
export const PARAM_VPS = 4;
export const PARAM_MAX = 1024;
/** Bytes kept of the payload that identified the last random access point. */
export const HEAD_MAX = 48;

/** The media memory is used up. */
export const ERR_BUDGET = -1;
/** A frame grew beyond MAX_FRAME_BYTES. */
export const ERR_FRAME = -2;
/** Not enough room at the destination. */
export const ERR_FULL = -3;
/** The bytes are not what they should be. */
export const ERR_SYNTAX = -4;

/** Slots of the reorder window, bytes of each, and ms that a packet waits for those before it. */
export const REORDER_SLOTS = 64;
export const REORDER_SLOT_BYTES = 2000;
export const REORDER_MS = 200;

/** Bytes of a destination of datagrams: a socket address, and flags at its end. */
export const DESTINATION_STRIDE = 32;
export const DESTINATION_FLAGS = 28;
/** The destination takes no segmented messages. */
export const DESTINATION_PLAIN = 1;

/** A batch of datagrams: runs of packets, vectors of their bytes, control messages, messages; all in one block. */
export const BATCH_RUNS = 0;
export const BATCH_RUN_STRIDE = 32;
export const BATCH_RUNS_MAX = 512;
export const BATCH_VECTORS = 16384;
export const BATCH_VECTORS_MAX = 1024;
export const BATCH_CONTROLS = 32768;
export const BATCH_CONTROL_STRIDE = 32;
export const BATCH_MESSAGES = 49152;
export const BATCH_MESSAGE_STRIDE = 64;
export const BATCH_MESSAGES_MAX = 1024;
/** Index of messages to a single destination, after all others: at most as many as a run has packets. */
export const BATCH_RETRY = 1024;
/** Offset of the number of destinations that the last fill has served. */
export const BATCH_SERVED = 130816;
/** Packets of one segmented message, and its bytes (UDP_MAX_SEGMENTS of Linux; 65,535 less headers). */
export const RUN_PACKETS_MAX = 64;
export const RUN_BYTES_MAX = 65000;

/** Flags of an entry of units: the first and the last piece of its unit; a random access point (on the first piece). */
export const UNIT_START = 1;
export const UNIT_END = 2;
export const UNIT_KEY = 4;

/** How RTP payloads become units. */
export const UNITS_H264 = 1;
export const UNITS_H265 = 2;
export const UNITS_AV1 = 3;
export const UNITS_VP9 = 4;
export const UNITS_VP8 = 5;
/** AU headers of RFC 3640. */
export const UNITS_GENERIC = 6;
/** A packet is a frame. */
export const UNITS_FRAMES = 7;
/** MPEG-4 Audio in LATM (RFC 6416 §6), MPEG-1/2 Audio (RFC 2250 §3.5), AC-3 (RFC 4184). */
export const UNITS_LATM = 8;
export const UNITS_MPEG12_AUDIO = 9;
export const UNITS_AC3 = 10;
/** Samples of a fixed size, any number per packet: G711, G722, LPCM. */
export const UNITS_SAMPLES = 11;
/** MPEG-1/2 Video (RFC 2250 §3.4), MPEG-4 Video (RFC 6416 §5). */
export const UNITS_MPEG12_VIDEO = 12;
export const UNITS_MPEG4_VIDEO = 13;

/** Most tracks of a transport stream muxer; what they carry. */
export const TS_TRACKS_MAX = 4;
export const TS_H264 = 1;
export const TS_AAC = 2;
export const TS_H265 = 3;
export const TS_OPUS = 4;
export const TS_MPEG12_VIDEO = 5;
export const TS_MPEG12_AUDIO = 6;
export const TS_AC3 = 7;
/** AAC in LATM with LOAS framing; is read, not written. */
export const TS_LATM = 8;

/** Types of parameter sets that are kept of a stream. */
export const TS_PARAMS_MAX = 3;
/** PIDs of a transport stream, and how many of them are demuxed at most. */
export const TS_PIDS_MAX = 8192;
export const TS_TARGETS_MAX = 64;
/** Bytes of a table's section at most (ISO/IEC 13818-1 §2.4.4.4, §2.4.4.9), and room for those that are done. */
export const TS_SECTION_MAX = 1024;
export const TS_SECTIONS_MAX = 1280;
/** Why a call of `tsDemux` has stopped: sections are complete; a stream has its parameters. */
export const TS_EVENT_SECTION = 1;
export const TS_EVENT_STREAM = 2;

/** Samples of containers: frames that are all random access points, frames, length-prefixed NAL units, OBUs. */
export const SAMPLE_FRAMES = 1;
export const SAMPLE_PICTURES = 2;
export const SAMPLE_H264 = 3;
export const SAMPLE_H265 = 4;
export const SAMPLE_AV1 = 5;

/** Demuxing fragmented MP4: tracks, runs and samples of a fragment, its bytes, bytes of one call; all in one block. */
export const MP4_TRACKS_MAX = 8;
export const MP4_RUNS_MAX = 512;
export const MP4_SAMPLES_MAX = 100000;
export const MP4_MOOF_MAX = 65536;
export const MP4_INPUT_MAX = 32768;
/** A box that is shorter than its header, or exceeds its container. */
export const MP4_ERROR_BOX = 1;
/** A fragment that is too large, or has too many runs, samples, or a sample that is too large. */
export const MP4_ERROR_FRAGMENT = 2;
export const MP4_ERROR_RUNS = 3;
export const MP4_ERROR_SAMPLES = 4;
export const MP4_ERROR_SAMPLE = 5;
/** A time out of range. */
export const MP4_ERROR_TIME = 6;

/** RTMP: chunk streams of a connection; room for a chunk header in progress; lists of the pieces of a message. */
export const RTMP_STREAMS_MAX = 64;
export const RTMP_HEAD_BYTES = 24;
export const RTMP_SPANS_MAX = 136;
/** Most bytes of messages that a connection may have in progress. */
export const RTMP_HELD_MAX = 33554432;
/** Too many chunk streams. */
export const RTMP_ERROR_STREAMS = 1;
/** A message that is too large, or too many in progress. */
export const RTMP_ERROR_SIZE = 2;
/** A header that refers to one that was not sent. */
export const RTMP_ERROR_HEADER = 3;
/** A chunk size of 0. */
export const RTMP_ERROR_CHUNK_SIZE = 4;

/** Demuxing FLV: tracks of a stream, bytes of a sequence header. */
export const FLV_TRACKS_MAX = 16;
export const FLV_CONFIG_MAX = 4096;
/** Types of messages and tags. */
export const FLV_AUDIO = 8;
export const FLV_VIDEO = 9;
/**
 * How messages become units: each is a sample; frames of MPEG-1/2 Audio or AC-3, any number; audio samples of a fixed
 * size, any number; the same with 16 bits each, little-endian.
 */
export const FLV_SAMPLE = 1;
export const FLV_MPEG_AUDIO = 2;
export const FLV_AC3 = 3;
export const FLV_PCM = 4;
export const FLV_PCM_16 = 5;
/** Bytes of the header of a message that is written. */
export const FLV_HEAD_MAX = 16;
/** Why a call of `flvPut` has stopped: a track has come; it has a new sequence header; its first frame header is known. */
export const FLV_EVENT_TRACK = 1;
export const FLV_EVENT_CONFIG = 2;
export const FLV_EVENT_FRAME = 3;
