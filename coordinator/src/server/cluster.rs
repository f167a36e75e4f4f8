//! What operators look at, and keys.

use std::sync::Arc;

use assay_core::Domain;
use assay_core::time::UtcNs;
use assay_proto::convert::parse;
use assay_proto::wire::cluster_server::Cluster;
use assay_proto::{KeyInfo, status, wire};
use assay_store::{KeyRecord, Scope};
use tonic::{Request, Response, Status};

use super::jobs::READERS;
use super::{Caller, Front, audited, caller_of, create_key, malformed, now, refuse};

/// The adapter.
#[derive(Debug)]
pub(super) struct ClusterService(pub(super) Arc<Front>);

fn info(key: KeyRecord) -> KeyInfo {
    KeyInfo {
        id: key.id,
        scope: key.scope,
        owner: key.owner,
        created: key.created,
        expires: key.expires,
        revoked: key.revoked,
    }
}

impl ClusterService {
    #[allow(clippy::result_large_err, reason = "tonic's error")]
    fn admin<T>(request: Request<T>) -> Result<(Caller, T), Status> {
        let caller = caller_of(&request)?;
        caller.needs(&[Scope::Admin])?;
        Ok((caller, request.into_inner()))
    }
}

#[tonic::async_trait]
impl Cluster for ClusterService {
    async fn workers(&self, request: Request<wire::WorkersRequest>) -> Result<Response<wire::WorkersReply>, Status> {
        caller_of(&request)?.needs(READERS)?;
        let workers = self.0.coordinator()?.workers().await.map_err(refuse)?;
        Ok(Response::new(wire::WorkersReply {
            workers: workers.into_iter().map(Into::into).collect(),
        }))
    }

    async fn queue(&self, request: Request<wire::QueueRequest>) -> Result<Response<wire::QueueReply>, Status> {
        caller_of(&request)?.needs(READERS)?;
        let queue = self.0.coordinator()?.queue().await.map_err(refuse)?;
        Ok(Response::new(queue.into()))
    }

    async fn create_key(&self, request: Request<wire::CreateKeyRequest>) -> Result<Response<wire::CreateKeyReply>, Status> {
        let (caller, request) = Self::admin(request)?;
        let scope = parse("scope", &request.scope).map_err(malformed)?;
        let (key, secret) =
            create_key(&request.owner, scope, request.expires_ns.map(UtcNs), now()).map_err(|error| error.status())?;
        self.0.store.add_key(&key).await.map_err(refuse)?;
        let detail = format!("scope {scope} for {}", key.owner);
        let audit = audited(&caller.owner, "key.create", &key.id, detail);
        self.0.coordinator()?.record(vec![audit]).await.map_err(refuse)?;
        Ok(Response::new(wire::CreateKeyReply {
            key: Some(info(key).into()),
            secret,
        }))
    }

    async fn list_keys(&self, request: Request<wire::ListKeysRequest>) -> Result<Response<wire::ListKeysReply>, Status> {
        Self::admin(request)?;
        let keys = self.0.store.keys().await.map_err(refuse)?;
        Ok(Response::new(wire::ListKeysReply {
            keys: keys.into_iter().map(|key| info(key).into()).collect(),
        }))
    }

    async fn revoke_key(&self, request: Request<wire::RevokeKeyRequest>) -> Result<Response<wire::RevokeKeyReply>, Status> {
        let (caller, request) = Self::admin(request)?;
        let known = self.0.store.keys().await.map_err(refuse)?;
        if !known.iter().any(|key| key.id == request.id) {
            let message = format!("no key `{}`", request.id);
            return Err(status::refusal(Domain::NotFound, message, Some("`assay key ls` lists them")));
        }
        self.0.store.revoke_key(&request.id, now()).await.map_err(refuse)?;
        self.0.keys.forget();
        let audit = audited(&caller.owner, "key.revoke", &request.id, "");
        self.0.coordinator()?.record(vec![audit]).await.map_err(refuse)?;
        Ok(Response::new(wire::RevokeKeyReply {}))
    }
}
