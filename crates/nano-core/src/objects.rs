//! Objects of the host's that apps hold. Each time the host gives one is paid back by exactly one RELEASE event: when what the app
//! got is collected or disposed of, when nobody waited for it any more, and at the latest when the instance ends, however it ends.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, Weak};

use nano_base::status::{Error, Result, Status};
use nano_base::value::Value;

use crate::binding::BindingKind;
use crate::call::Call;
use crate::event::{Event, Payload};
use crate::pipe::Held;
use crate::request::Place;
use crate::runtime::Inner;
use crate::shard::Command;
use crate::version::{Life, Version};
use crate::wait::lock;

/// What has been given and not paid back.
#[derive(Default)]
pub(crate) struct Objects {
    given: Mutex<HashMap<u64, Gift>>,
    next: AtomicU64,
    /// A shard has been told to ring, and has not yet.
    pub ringing: AtomicBool,
}

struct Gift {
    app: String,
    class: String,
    id: u64,
    place: Place,
    /// The version's that it was given to, which is told of before that ends.
    life: Option<Arc<Life>>,
}

/// Pays one giving back when it is dropped.
struct Keeper {
    inner: Weak<Inner>,
    key: u64,
}

impl Drop for Keeper {
    fn drop(&mut self) {
        if let Some(inner) = self.inner.upgrade() {
            let gift = lock(&inner.objects.given).remove(&self.key);
            if let Some(gift) = gift {
                inner.take_back(gift);
                inner.ring_soon();
            }
        }
    }
}

/// Refuses objects of classes that the app does not know.
pub(crate) fn check(version: &Version, value: &mut Value) -> Result<()> {
    value.host_objects(&mut |object| {
        let known = version.bindings.iter().any(|binding| binding.name == object.class && matches!(binding.kind, BindingKind::Class(_)));
        if known {
            return Ok(());
        }
        Err(Error::new(
            Status::Invalid,
            format!("the value has an object of class \"{}\", which is no class in the app's env", object.class),
        ))
    })
}

/// Refuses objects altogether.
pub(crate) fn refuse(value: &mut Value, message: &str) -> Result<()> {
    value.host_objects(&mut |_| Err(Error::new(Status::Invalid, message)))
}

impl Inner {
    /// From here on every object in the value is held for the app that called.
    pub(crate) fn give(self: &Arc<Self>, call: &Call, value: &mut Value) {
        let _: std::result::Result<(), ()> = value.host_objects(&mut |object| {
            let key = self.objects.next.fetch_add(1, Ordering::Relaxed);
            let (app, class, life) = (call.view.app.clone(), object.class.clone(), call.version.live().unwrap_or_default());
            let gift = Gift { app, class, id: object.id, place: call.place, life };
            lock(&self.objects.given).insert(key, gift);
            object.keeper = Some(Arc::new(Keeper { inner: Arc::downgrade(self), key }));
            Ok(())
        });
    }

    /// What instances on a thread that is gone held: nobody will drop it.
    pub(crate) fn drop_objects(&self, shard: usize, incarnation: u32) {
        for app in self.app_list() {
            app.files.abort_all(|place| place.shard == shard && place.incarnation == incarnation);
        }
        // The thread may have taken the order to ring with it.
        self.objects.ringing.store(false, Ordering::Release);
        let gone: Vec<Gift> = lock(&self.objects.given)
            .extract_if(|_, gift| gift.place.shard == shard && gift.place.incarnation == incarnation)
            .map(|(_, gift)| gift)
            .collect();
        for gift in gone {
            self.take_back(gift);
        }
    }

    fn take_back(&self, gift: Gift) {
        let Gift { app, class, id, life, .. } = gift;
        self.queue.push(Event { id, user_data: 0, payload: Payload::Release { app, class } }, Held::NONE);
        drop(life);
    }

    /// The host hears, through a shard, of what has been put into the queue on whatever thread this is.
    pub(crate) fn ring_soon(&self) {
        if !self.objects.ringing.swap(true, Ordering::AcqRel) {
            self.shards[0].command(Command::Ring);
        }
    }
}
