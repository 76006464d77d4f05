//! How long a search takes over many chunks: `cargo bench -p t11-agents --bench search`.
//!
//! The text is made of a vocabulary whose frequencies fall as in real language (Zipf), so that
//! common words have lists as long as they would have. Prints one line of JSON for each measurement.

use std::io::Write as _;
use std::time::{Duration, Instant};

use t11_agents::knowledge::index::{Embedding, Filter, Index, IndexedChunk, Query, Source};
use t11_agents::knowledge::stem::Stemming;
use t11_agents::knowledge::terms::{Terms, decode_terms, encode_terms};
use uuid::Uuid;

/// Unoptimised it would take minutes and measure nothing.
const SCALE: usize = if cfg!(debug_assertions) { 20 } else { 1 };
const CHUNKS: usize = 100_000 / SCALE;
const CHUNKS_OF_SOURCE: usize = 20;
const WORDS_OF_CHUNK: usize = 170;
const VOCABULARY: usize = 60_000;
const QUERIES: usize = 2_000;
const VECTOR_DIMS: usize = 384;
const VECTOR_CHUNKS: usize = 20_000 / SCALE;
const VECTOR_QUERIES: usize = 300;

fn main() -> std::io::Result<()> {
    let mut random = Random(0x2545_f491_4f6c_dd1d);
    let vocabulary = vocabulary(&mut random);
    let encoded = encoded_chunks(&vocabulary, &mut random);

    let started = Instant::now();
    let mut index = Index::default();
    for (number, chunks) in encoded.chunks(CHUNKS_OF_SOURCE).enumerate() {
        index.apply(
            source(number),
            chunks
                .iter()
                .enumerate()
                .map(|(at, bytes)| chunk(number, at, bytes)),
        );
    }
    let loaded = started.elapsed();
    report(
        "index load",
        &[
            ("chunks", index.len() as f64),
            ("ms", millis(loaded)),
            (
                "bytes_per_chunk",
                index.memory_bytes() as f64 / index.len() as f64,
            ),
            (
                "stored_bytes_per_chunk",
                encoded.iter().map(Vec::len).sum::<usize>() as f64 / CHUNKS as f64,
            ),
        ],
    )?;

    let queries = queries(&vocabulary, &mut random);
    let filter = Filter::default();
    let times = timed(&queries, |text| {
        index
            .search(&Query {
                text,
                embedding: None,
                filter: &filter,
                limit: 10,
            })
            .hits
            .len()
    });
    report_times("search lexical", times)?;

    let (hybrid, vectors) = with_vectors(&encoded, &mut random);
    let pairs: Vec<(&String, &Embedding)> = queries
        .iter()
        .zip(vectors.iter().cycle())
        .take(VECTOR_QUERIES)
        .collect();
    let times = timed(&pairs, |(text, embedding)| {
        hybrid
            .search(&Query {
                text,
                embedding: Some(embedding),
                filter: &filter,
                limit: 10,
            })
            .hits
            .len()
    });
    report_times("search hybrid, 20,000 chunks of 384 dimensions", times)
}

/// xorshift64: the same text in every run.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// A place in the vocabulary, the first ones most often: Zipf's law with exponent one.
    fn zipf(&mut self) -> usize {
        let place = ((VOCABULARY as f64).ln() * self.unit()).exp();
        (place as usize - 1).min(VOCABULARY - 1)
    }
}

/// Words of a few Russian syllables.
fn vocabulary(random: &mut Random) -> Vec<String> {
    const SYLLABLES: [&str; 24] = [
        "ва", "ди", "ро", "ка", "ме", "лу", "сто", "пре", "ги", "но", "бо", "ша", "тор", "ник",
        "зе", "фи", "ку", "ре", "да", "мо", "ли", "вер", "ту", "пи",
    ];
    (0..VOCABULARY)
        .map(|_| {
            let syllables = 2 + (random.next() % 4) as usize;
            (0..syllables)
                .map(|_| SYLLABLES[(random.next() % 24) as usize])
                .collect()
        })
        .collect()
}

fn encoded_chunks(vocabulary: &[String], random: &mut Random) -> Vec<Vec<u8>> {
    let mut stemming = Stemming::default();
    (0..CHUNKS)
        .map(|_| {
            let words: Vec<&str> = (0..WORDS_OF_CHUNK)
                .map(|_| vocabulary[random.zipf()].as_str())
                .collect();
            encode_terms(&Terms::of(&mut stemming, &[], &words.join(" ")))
        })
        .collect()
}

/// One to six words, about half of them among the commonest hundred.
fn queries(vocabulary: &[String], random: &mut Random) -> Vec<String> {
    (0..QUERIES)
        .map(|_| {
            let words = 1 + random.next() % 6;
            let words: Vec<&str> = (0..words)
                .map(|_| match random.next() % 2 {
                    0 => vocabulary[(random.next() % 100) as usize].as_str(),
                    _ => vocabulary[random.zipf()].as_str(),
                })
                .collect();
            words.join(" ")
        })
        .collect()
}

fn source(number: usize) -> Source {
    Source {
        id: Uuid::from_u128(number as u128),
        reading: 1,
        retired: false,
        version: 1,
        agent: None,
        category: None,
        valid_from: None,
        valid_until: None,
        enabled: true,
    }
}

fn chunk(source: usize, at: usize, terms: &[u8]) -> IndexedChunk {
    IndexedChunk {
        id: Uuid::from_u128((source * CHUNKS_OF_SOURCE + at) as u128 | 1 << 100),
        enabled: true,
        terms: decode_terms(terms).unwrap_or_default(),
        embedding: None,
    }
}

fn embedding(random: &mut Random) -> Embedding {
    let values = (0..VECTOR_DIMS)
        .map(|_| random.unit() as f32 - 0.5)
        .collect();
    Embedding {
        model: "bench".to_owned(),
        values,
    }
}

fn with_vectors(encoded: &[Vec<u8>], random: &mut Random) -> (Index, Vec<Embedding>) {
    let mut index = Index::default();
    for (number, chunks) in encoded[..VECTOR_CHUNKS]
        .chunks(CHUNKS_OF_SOURCE)
        .enumerate()
    {
        let chunks: Vec<IndexedChunk> = chunks
            .iter()
            .enumerate()
            .map(|(at, bytes)| IndexedChunk {
                embedding: Some(embedding(random)),
                ..chunk(number, at, bytes)
            })
            .collect();
        index.apply(source(number), chunks);
    }
    let queries = (0..VECTOR_QUERIES).map(|_| embedding(random)).collect();
    (index, queries)
}

fn timed<T>(inputs: &[T], mut run: impl FnMut(&T) -> usize) -> Vec<Duration> {
    let mut found = 0;
    let times = inputs
        .iter()
        .map(|input| {
            let started = Instant::now();
            found += run(input);
            started.elapsed()
        })
        .collect();
    std::hint::black_box(found);
    times
}

fn report_times(name: &str, mut times: Vec<Duration>) -> std::io::Result<()> {
    times.sort_unstable();
    let at = |share: f64| millis(times[((times.len() - 1) as f64 * share) as usize]);
    report(
        name,
        &[
            ("queries", times.len() as f64),
            ("p50_ms", at(0.5)),
            ("p99_ms", at(0.99)),
            ("max_ms", at(1.0)),
        ],
    )
}

fn report(name: &str, figures: &[(&str, f64)]) -> std::io::Result<()> {
    let figures: String = figures
        .iter()
        .map(|(name, value)| format!(", \"{name}\": {value:.3}"))
        .collect();
    writeln!(std::io::stdout(), "{{\"bench\": \"{name}\"{figures}}}")
}

fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1_000.0
}
