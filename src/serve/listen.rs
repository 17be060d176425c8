//! Connections: taken in up to a number, each with a time for its header and an end, and all brought to an end when the
//! server is to stop. What is asked over them is left to the routes.

use std::future::{Future, poll_fn};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use axum::{Extension, Router};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::{Semaphore, watch};
use tokio::time::{sleep, timeout};

use super::metrics::Metrics;
use super::model::Model;
use super::queue::{Batch, Queue};
use super::rate::Rates;
use super::routes::{Client, House, router};
use super::settings::{CONNECTIONS, Patience, Settings, UPLOADS};
use super::upload::{Limits, Memory};
use super::workers::Workers;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot listen on {address}: {cause}; --address and --port say where else")]
    Listen { address: SocketAddr, cause: io::Error },
    #[error("cannot start the server: {0}")]
    Start(io::Error),
}

/// A server that has its address and does not answer yet.
pub struct Server {
    runtime: Runtime,
    listener: TcpListener,
    address: SocketAddr,
}

impl Server {
    /// Takes an address; port 0 is any that is free.
    pub fn bind(address: IpAddr, port: u16) -> Result<Self, Error> {
        // Reading requests and writing answers is a small part of the work: one thread does it all.
        let runtime =
            Builder::new_current_thread().enable_io().enable_time().build().map_err(Error::Start)?;
        let wanted = SocketAddr::new(address, port);
        let fault = |cause| Error::Listen { address: wanted, cause };
        let listener = runtime.block_on(TcpListener::bind(wanted)).map_err(fault)?;
        let address = listener.local_addr().map_err(fault)?;
        Ok(Self { runtime, listener, address })
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers until `stop` says so. Comes back once what was under way has its answer, or waits for it no longer: then
    /// it says how many connections were cut.
    pub fn run(
        self,
        model: Arc<dyn Model>,
        settings: &Settings,
        stop: impl Future<Output = ()>,
    ) -> Result<usize, Error> {
        let Settings { workers, queue, most_together, wait, .. } = *settings;
        let queue = Arc::new(Queue::new(queue, Batch { most: most_together, wait, workers }));
        let metrics = Arc::new(Metrics::new());
        let threads =
            Workers { model: Arc::clone(&model), queue: Arc::clone(&queue), metrics: Arc::clone(&metrics) };
        threads.start(workers).map_err(Error::Start)?;
        let house = Arc::new(House {
            model,
            queue: Arc::clone(&queue),
            metrics: Arc::clone(&metrics),
            memory: Memory::new(UPLOADS * settings.upload),
            limits: Limits { bytes: settings.upload, time: settings.patience.body },
            rates: settings.rate.map(Rates::new),
            token: settings.token.clone(),
        });
        let door = Arc::new(Door::new(router(house), metrics, settings.patience));
        let cut = self.runtime.block_on(door.open(self.listener, stop));
        queue.close();
        Ok(cut)
    }
}

struct Door {
    router: Router,
    metrics: Arc<Metrics>,
    patience: Patience,
    places: Arc<Semaphore>,
    closing: watch::Sender<bool>,
}

impl Door {
    fn new(router: Router, metrics: Arc<Metrics>, patience: Patience) -> Self {
        let (closing, _) = watch::channel(false);
        Self { router, metrics, patience, places: Arc::new(Semaphore::new(CONNECTIONS)), closing }
    }

    async fn open(self: Arc<Self>, listener: TcpListener, stop: impl Future<Output = ()>) -> usize {
        let accepting = tokio::spawn(Arc::clone(&self).accept(listener));
        stop.await;
        // With the task goes the listener.
        accepting.abort();
        self.closing.send_replace(true);
        // All places are free when nobody is left.
        let all = self.places.acquire_many(CONNECTIONS as u32);
        match timeout(self.patience.stop, all).await {
            Ok(_) => 0,
            Err(_) => self.metrics.connections.load(Relaxed),
        }
    }

    async fn accept(self: Arc<Self>, listener: TcpListener) {
        // A closed semaphore there is none.
        while let Ok(place) = Arc::clone(&self.places).acquire_owned().await {
            match listener.accept().await {
                Ok((stream, address)) => {
                    let door = Arc::clone(&self);
                    tokio::spawn(async move {
                        door.metrics.connections.fetch_add(1, Relaxed);
                        door.attend(stream, address.ip()).await;
                        door.metrics.connections.fetch_sub(1, Relaxed);
                        drop(place);
                    });
                }
                Err(error) => {
                    tracing::warn!("a connection could not be taken: {error}");
                    // Mostly there are too many open files, and some will be closed.
                    sleep(Duration::from_millis(50)).await;
                }
            }
        }
    }

    /// One connection from its beginning to its end.
    async fn attend(&self, stream: TcpStream, client: IpAddr) {
        // Answers are written whole, so nothing is gained by waiting for more.
        let _ = stream.set_nodelay(true);
        let service = TowerToHyperService::new(self.router.clone().layer(Extension(Client(client))));
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new()).header_read_timeout(self.patience.header).max_buf_size(LARGEST_HEADER);
        let mut connection = pin!(http.serve_connection(TokioIo::new(stream), service));
        let mut closing = self.closing.subscribe();
        let mut ending = pin!(timeout(self.patience.connection, closing.wait_for(|closing| *closing)));
        let mut is_ending = false;
        let attended = poll_fn(|context| {
            if !is_ending && ending.as_mut().poll(context).is_ready() {
                is_ending = true;
                connection.as_mut().graceful_shutdown();
            }
            connection.as_mut().poll(context)
        });
        // Who does not even read the last answer is cut off.
        if let Ok(Err(error)) = timeout(self.patience.connection + self.patience.body, attended).await {
            tracing::debug!("a connection of {client} broke: {error}");
        }
    }
}

/// Bytes of a request's header, and of what is read of a body at once.
const LARGEST_HEADER: usize = 64 << 10;
