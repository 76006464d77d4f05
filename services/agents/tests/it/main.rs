mod acceptance;
mod crm_settings;
mod hostile;
mod knowledge;
mod playbook;
mod price_book;
mod rpc_rig;
mod turn_rig;
