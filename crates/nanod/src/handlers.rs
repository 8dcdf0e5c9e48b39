//! What an app handles besides requests, as its manifest says: times, messages, the events of other apps.

use nano_config::manifest::{Consumer, Manifest};
use nano_core::{AppOptions, Binding, BindingKind, QueueConsumer};

/// Adds to an app's options what its manifest says of crons, queues and tail consumers.
pub fn give(options: &mut AppOptions, manifest: &Manifest) {
    options.crons = manifest.crons.clone();
    options.tail = manifest.tail.clone();
    options.consumers = manifest.consumers.iter().map(consumer).collect();
    let producer = |(name, queue): &(String, String)| Binding { name: name.clone(), kind: BindingKind::Queue { queue: queue.clone() } };
    options.bindings.extend(manifest.producers.iter().map(producer));
}

fn consumer(consumer: &Consumer) -> QueueConsumer {
    QueueConsumer {
        queue: consumer.queue.clone(),
        batch: consumer.batch,
        batch_wait_ms: consumer.batch_wait_ms,
        retries: consumer.retries,
        retry_delay_ms: consumer.retry_delay_ms,
        concurrency: consumer.concurrency,
        dead_letters: consumer.dead_letters.clone(),
    }
}
