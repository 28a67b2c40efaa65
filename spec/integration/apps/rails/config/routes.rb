# frozen_string_literal: true

Rails.application.routes.draw do
  root to: redirect("/notes")
  resources :notes, only: %i[index create] do
    get :export, on: :collection
  end
  resource :upload, only: %i[create update]
  resource :stream, only: :show
  get "files/:name", to: "files#show", name: /[^\/]+/
  get "failure", to: "failures#show"

  namespace :api do
    resources :notes, only: %i[index show create]
  end
end
