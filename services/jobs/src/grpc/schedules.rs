//! `ScheduleService`.

use t11_proto::jobs::v1::schedule_service_server::ScheduleService;
use t11_proto::jobs::v1::{DeleteScheduleRequest, PutScheduleRequest, Schedule};
use tonic::{Request, Response, Status};

use super::{Api, convert};

#[tonic::async_trait]
impl ScheduleService for Api {
    async fn put_schedule(
        &self,
        request: Request<PutScheduleRequest>,
    ) -> Result<Response<Schedule>, Status> {
        let asked = request.into_inner().schedule.unwrap_or_default();
        let (schedule, timetable) = convert::new_schedule(asked, self.world.now())?;
        let stored = self.queue.put_schedule(schedule, &timetable).await?;
        Ok(Response::new(convert::schedule(stored)))
    }

    async fn delete_schedule(
        &self,
        request: Request<DeleteScheduleRequest>,
    ) -> Result<Response<()>, Status> {
        self.queue
            .store()
            .delete_schedule(request.into_inner().key)
            .await?;
        Ok(Response::new(()))
    }
}
